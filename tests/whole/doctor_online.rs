//! `ozg-cloud doctor --online` against the sandbox: what it says when all is well, and when a key is not the published one.

use std::{fs, process::Stdio};

use crate::world::{PLACES, World};

/// What the doctor says, and whether it found no error.
fn doctor(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = world.program(&[&["doctor"], arguments].concat());
    let output = command.stderr(Stdio::piped()).output().expect("it runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.success(), format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// The files of a place's decryption key and of the other place's.
fn key_files(world: &World) -> [std::path::PathBuf; 2] {
    let config = fs::read_to_string(world.path("ozg-cloud.toml")).expect("a configuration");
    let named = config.split("decryption_key_files = [\"").skip(1).filter_map(|rest| rest.split('"').next());
    let files: Vec<_> = named.map(|file| world.path(file)).collect();
    files.try_into().expect("two places")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_the_delivery_service_only_when_told_and_finds_a_key_that_does_not_fit() {
    let mut world = World::lay();
    let (_, offline) = doctor(&world, &[]);
    assert!(!offline.contains("Token erhalten") && !offline.contains("nicht zu erreichen"), "{offline}");

    let (well, unreachable) = doctor(&world, &["--online", "--quiet"]);
    assert!(!well && unreachable.contains("der Token-Dienst ist nicht zu erreichen"), "{unreachable}");
    assert!(unreachable.contains("Proxy, Zertifikate"), "{unreachable}");

    world.start_sandbox().await;
    let (well, online) = doctor(&world, &["--online"]);
    assert!(well, "{online}");
    for place in &PLACES {
        for good in [
            "Token erhalten",
            "die Uhren stimmen überein",
            "der Zustelldienst kennt ihn",
            "ist einer von unseren",
            "Callback an http://",
            "Schlüssel des Zustelldienstes",
        ] {
            let line = |line: &&str| line.contains(place.slug) && line.contains(good) && line.contains("gut");
            assert!(online.lines().any(|one| line(&one)), "{}: {good} in {online}", place.slug);
        }
    }

    let [own, other] = key_files(&world);
    let (own_key, other_key) = (fs::read_to_string(&own).expect("a key"), fs::read_to_string(&other).expect("a key"));
    fs::write(&own, &other_key).expect("is replaced");
    let (well, missing) = doctor(&world, &["--online", "--quiet"]);
    assert!(!well && missing.contains("Schlüssel fehlt"), "{missing}");

    let kid = |key: &str| {
        let key: serde_json::Value = serde_json::from_str(key).expect("JSON");
        key["kid"].as_str().expect("a kid").to_owned()
    };
    fs::write(&own, other_key.replace(&kid(&other_key), &kid(&own_key))).expect("is replaced");
    let (well, wrong) = doctor(&world, &["--online", "--quiet"]);
    assert!(!well && wrong.contains("Der veröffentlichte Schlüssel passt zu keinem unserer Schlüssel"), "{wrong}");
    assert!(wrong.contains("ist ein anderer") && wrong.contains("-> den privaten Schlüssel hinterlegen"), "{wrong}");

    fs::write(&own, own_key).expect("is put back");
    let secret = fs::read_to_string(world.path("ozg-cloud.toml")).expect("a configuration");
    let secret = secret.split("client_secret_file = \"").nth(1).and_then(|rest| rest.split('"').next());
    fs::write(world.path(secret.expect("a secret")), "nicht das richtige Geheimnis").expect("is replaced");
    let (well, refused) = doctor(&world, &["--online", "--quiet"]);
    assert!(!well && refused.contains("der Token-Dienst lehnt die Anmeldung ab"), "{refused}");
    assert!(!refused.contains("nicht das richtige"), "a secret is never shown");
}
