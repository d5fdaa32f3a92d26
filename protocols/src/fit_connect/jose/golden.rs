//! Golden tests: messages and signatures that another library made (`fixtures/fit_connect/jose`), good and hostile.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA512, digest};
use serde_json::Value;

use super::{
    base64url,
    jwe::{
        Compact, ContentType, Header, HeaderRefused, Inflate, JweReader, JweRefused, JweWriter, Limits, Progress,
        SealedPart, Segment, StreamError, seal,
    },
    jwk::{Chain, JwkRefused, PrivateJwk, PublicJwk},
    jws::JwsRefused,
    rsa::{ContentKey, DecryptionKey, EncryptionKey, SigningKey, UnwrapKey, VerificationKey, find_unwrapping},
};
use crate::fit_connect::set::{Event, Set, SetRefused};

const INFLATE: Inflate = Inflate::UpTo(1_000_000);

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/fit_connect/jose").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).expect("text")
}

fn private(name: &str) -> PrivateJwk {
    PrivateJwk::parse(&fixture(&format!("{name}.private.jwk.json"))).expect("a private key")
}

fn public(name: &str) -> PublicJwk {
    PublicJwk::parse(&fixture(&format!("{name}.public.jwk.json")), Chain::Required).expect("a public key")
}

fn decryption_key() -> DecryptionKey {
    DecryptionKey::new(&private("key-decryption")).expect("usable")
}

/// The vectors whose file ends like this.
fn vectors(ending: &str) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&fixture("index.json")).expect("JSON");
    let vectors = index["vectors"].as_array().expect("vectors");
    vectors.iter().filter(|vector| vector["file"].as_str().expect("file").ends_with(ending)).cloned().collect()
}

/// Every refusal that a receiver can meet, one level up from the JWE itself.
#[derive(Debug, PartialEq)]
enum Refused {
    Jwe(JweRefused),
    UnknownKid,
    Unwrap,
}

fn open_at_once(text: &str, key: &DecryptionKey, inflate: Inflate) -> Result<Vec<u8>, Refused> {
    let message = Compact::parse(text).map_err(Refused::Jwe)?;
    let key = find_unwrapping([key], &message.header.kid).ok_or(Refused::UnknownKid)?;
    let content_key = key.unwrap_key(&message.wrapped_key).map_err(|_| Refused::Unwrap)?;
    message.open(&content_key, inflate).map_err(Refused::Jwe)
}

fn open_streamed(text: &[u8], key: &DecryptionKey, limits: Limits, chunk: usize) -> Result<Vec<u8>, Refused> {
    let refused = |error| match error {
        StreamError::Refused(refused) => Refused::Jwe(refused),
        StreamError::Sink(error) => panic!("memory does not fail: {error}"),
    };
    let mut chunks = text.chunks(chunk);
    let mut reader = JweReader::new();
    let head = loop {
        match reader.push(chunks.next().ok_or(Refused::Jwe(JweRefused::Truncated))?).map_err(Refused::Jwe)? {
            Progress::More(more) => reader = more,
            Progress::Head(head) => break head,
        }
    };
    let key = find_unwrapping([key], &head.header.kid).ok_or(Refused::UnknownKid)?;
    let content_key = key.unwrap_key(&head.wrapped_key).map_err(|_| Refused::Unwrap)?;
    let mut opener = head.open(&content_key, limits).map_err(Refused::Jwe)?;
    let mut quarantine = Vec::new();
    for chunk in chunks {
        opener.push(chunk, &mut quarantine).map_err(refused)?;
    }
    let opened = opener.finish(&mut quarantine).map_err(refused)?;
    assert_eq!(opened.length, quarantine.len() as u64);
    Ok(quarantine)
}

const LIMITS: Limits = Limits { ciphertext: 1_000_000, inflate: INFLATE };

#[test]
fn every_good_message_opens_at_once_and_streamed_to_the_same_bytes() {
    let key = decryption_key();
    let good: Vec<Value> = vectors(".jwe").into_iter().filter(|vector| vector["expect"] == "ok").collect();
    assert_eq!(good.len(), 9);
    for vector in good {
        let text = text(vector["file"].as_str().expect("file"));
        let content = open_at_once(&text, &key, INFLATE).expect("opens");
        assert_eq!(content.len() as u64, vector["plaintext_len"].as_u64().expect("length"), "{}", vector["name"]);
        let hash = crate::hex::encode(digest(&SHA512, &content).as_ref());
        assert_eq!(vector["plaintext_sha512"], hash, "{}", vector["name"]);
        for chunk in [1, 7, 1000, 65_537, 1 << 20] {
            if chunk > 1 || text.len() < 10_000 {
                assert_eq!(open_streamed(text.as_bytes(), &key, LIMITS, chunk).as_ref(), Ok(&content), "{chunk}");
            }
        }
    }
}

#[test]
fn version_2_refuses_what_the_index_says() {
    for vector in vectors(".jwe") {
        let file = vector["file"].as_str().expect("file");
        let text = text(file);
        let part = if file.starts_with("attachment") { SealedPart::Attachment } else { SealedPart::Content };
        let header = || Header::parse(text.split('.').next().expect("header").as_bytes()).expect("legal");
        match vector["v2_transport"].as_str() {
            Some("accept") => assert_eq!(header().fit_for_v2(part), Ok(()), "{file}"),
            Some("reject") => assert!(header().fit_for_v2(part).is_err(), "{file}"),
            _ => {}
        }
    }
}

#[test]
fn every_hostile_message_is_refused_for_its_own_reason() {
    use JweRefused::{Header, Segments};
    let key = decryption_key();
    let jwe = Refused::Jwe;
    let expected = [
        ("alg-RSA1_5", jwe(Header(HeaderRefused::Algorithm))),
        ("alg-dir", jwe(Header(HeaderRefused::Algorithm))),
        ("enc-A128GCM", jwe(Header(HeaderRefused::Encryption))),
        ("enc-A256CBC-HS512", jwe(Header(HeaderRefused::Encryption))),
        ("crit-unknown", jwe(Header(HeaderRefused::Critical))),
        ("header-jwk-embedded", jwe(Header(HeaderRefused::EmbeddedKey("jwk")))),
        ("wrong-kid", Refused::UnknownKid),
        ("no-kid", jwe(Header(HeaderRefused::Kid))),
        ("tag-bitflip", jwe(JweRefused::Tag)),
        ("swap-ct-segments", jwe(JweRefused::Tag)),
        ("swap-iv-ct", jwe(JweRefused::Segment(Segment::Iv))),
        ("four-segments", jwe(Segments)),
        ("six-segments", jwe(Segments)),
        ("padding-eq", jwe(JweRefused::Segment(Segment::Tag))),
        ("zip-unknown", jwe(Header(HeaderRefused::Compression))),
        ("zip-bomb-200MB", jwe(JweRefused::TooLarge)),
    ];
    let hostile: Vec<Value> = vectors(".jwe").into_iter().filter(|vector| vector["expect"] != "ok").collect();
    assert_eq!(hostile.len(), expected.len());
    for (vector, (name, refused)) in hostile.iter().zip(expected) {
        assert_eq!(vector["name"], name);
        let text = text(vector["file"].as_str().expect("file"));
        assert_eq!(open_at_once(&text, &key, INFLATE), Err(refused), "{name}");
        for chunk in [1, 61, 100_000] {
            let streamed = open_streamed(text.as_bytes(), &key, LIMITS, chunk);
            assert!(streamed.is_err(), "{name} in chunks of {chunk}");
        }
    }
}

#[test]
fn a_message_for_somebody_else_does_not_unwrap() {
    let key = DecryptionKey::new(&private("key-other-decryption")).expect("usable");
    let text = text("data-nozip.jwe");
    let message = Compact::parse(&text).expect("well-formed");
    assert!(key.unwrap_key(&message.wrapped_key).is_err());
}

#[test]
fn a_thumbprint_counts_as_a_kid() {
    let key = decryption_key();
    let thumbprint = key.thumbprint().as_str().parse().expect("fits a kid");
    assert!(find_unwrapping([&key], &thumbprint).is_some());
}

#[test]
fn compression_is_refused_where_it_is_not_allowed() {
    let text = text("data-zip.jwe");
    let key = decryption_key();
    assert_eq!(open_at_once(&text, &key, Inflate::Never), Err(Refused::Jwe(JweRefused::Compressed)));
    let limits = Limits { ciphertext: 1_000, inflate: Inflate::Never };
    assert_eq!(open_streamed(text.as_bytes(), &key, limits, 99), Err(Refused::Jwe(JweRefused::Compressed)));
}

#[test]
fn a_stream_is_refused_when_it_is_longer_than_announced() {
    let text = text("attachment-nozip.jwe");
    let key = decryption_key();
    let limits = |ciphertext| Limits { ciphertext, inflate: Inflate::Never };
    assert!(open_streamed(text.as_bytes(), &key, limits(300_000), 4_096).is_ok());
    let short = open_streamed(text.as_bytes(), &key, limits(299_999), 4_096);
    assert_eq!(short, Err(Refused::Jwe(JweRefused::TooLarge)));
}

#[test]
fn a_stream_that_is_cut_anywhere_is_refused() {
    let text = text("data-nozip.jwe");
    let key = decryption_key();
    for cut in (0..text.len()).step_by(13).chain([text.len() - 1, text.len() - 22, text.len() - 23]) {
        assert!(open_streamed(&text.as_bytes()[..cut], &key, LIMITS, 50).is_err(), "{cut}");
    }
}

#[test]
fn a_stream_with_any_bit_flipped_behind_its_head_is_refused() {
    let text = text("data-nozip.jwe").into_bytes();
    let key = decryption_key();
    let head = text.iter().enumerate().filter(|(_, byte)| **byte == b'.').nth(2).expect("three dots").0;
    for at in head + 1..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        assert!(open_streamed(&changed, &key, LIMITS, 1_000).is_err(), "{at}");
    }
}

#[test]
fn what_we_seal_opens_both_ways_and_carries_its_tag() {
    let recipient = EncryptionKey::new(&public("key-decryption")).expect("usable");
    let key = decryption_key();
    let content_key = ContentKey::from_random([5; 32]);
    for length in [0, 1, 2, 3, 15, 16, 17, 47, 48, 49, 48 * 1024, 200_001] {
        let content: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
        let sealed = seal(&content, Some(&ContentType::json()), &recipient, &content_key, [1; 12]).expect("sealed");
        let mut streamed = Vec::new();
        let writer = JweWriter::new(Some(&ContentType::json()), &recipient, &content_key, [1; 12]);
        let mut writer = writer.expect("begun");
        for piece in content.chunks(1_001) {
            writer.push(piece, &mut streamed).expect("memory");
        }
        let tag = writer.finish(&mut streamed).expect("memory");
        assert_eq!(open_at_once(&sealed, &key, Inflate::Never).as_ref(), Ok(&content));
        assert_eq!(open_streamed(&streamed, &key, LIMITS, 777).as_ref(), Ok(&content));
        let streamed = String::from_utf8(streamed).expect("text");
        // Only the wrapped key differs: OAEP is seeded anew each time.
        assert_eq!(sealed.split('.').skip(2).collect::<Vec<_>>(), streamed.split('.').skip(2).collect::<Vec<_>>());
        assert!(sealed.ends_with(tag.as_str()));
    }
}

#[test]
fn every_set_of_the_index_is_judged_as_it_says() {
    let key = VerificationKey::new(&public("key-signing")).expect("usable");
    let verdict = |name: &str| {
        let text = text(&format!("{name}.jws"));
        Set::parse(&text).and_then(|set| set.verify(&key)).map(|claims| claims.event)
    };
    assert!(matches!(verdict("set-ps512-ok"), Ok(Event::Accepted(Some(_)))));
    let expected = [
        ("set-rs512", JwsRefused::Algorithm),
        ("set-ps256", JwsRefused::Algorithm),
        ("set-alg-none", JwsRefused::Algorithm),
        ("set-typ-jwt", JwsRefused::Type),
        ("set-payload-changed", JwsRefused::Signature),
    ];
    assert_eq!(vectors(".jws").len(), expected.len() + 1);
    for (name, refused) in expected {
        assert_eq!(verdict(name), Err(SetRefused::Jws(refused)), "{name}");
    }
}

#[test]
fn a_set_that_we_sign_verifies_and_keeps_its_payload() {
    let original = text("set-ps512-ok.jws");
    let key = VerificationKey::new(&public("key-signing")).expect("usable");
    let claims = Set::parse(&original).expect("well-formed").verify(&key).expect("verified");
    let signer = SigningKey::new(&private("key-signing")).expect("usable");
    let signed = claims.sign(&signer).expect("signed");
    let read = Set::parse(&signed).expect("well-formed");
    assert_eq!(read.kid().as_str(), "3f7a1c9e-51d4-4d0b-8e57-0c9a4c5d7e02");
    assert_eq!(read.verify(&key), Ok(claims));
}

#[test]
fn a_private_key_reads_back_what_it_writes() {
    let key = private("key-decryption");
    let again = PrivateJwk::parse(key.to_json().as_bytes()).expect("a key");
    assert_eq!(again.to_json(), key.to_json());
    assert_eq!(key.public(), public("key-decryption"));
}

#[test]
fn a_key_of_2048_bits_is_refused() {
    let refused = PublicJwk::parse(&fixture("key-small2048.public.jwk.json"), Chain::Required);
    assert_eq!(refused, Err(JwkRefused::Size { bits: 2048 }));
    let refused = PrivateJwk::parse(&fixture("key-small2048.private.jwk.json"));
    assert_eq!(refused.err(), Some(JwkRefused::Size { bits: 2048 }));
}

#[test]
fn a_key_that_breaks_a_rule_is_refused_by_name() {
    let good: Value = serde_json::from_slice(&fixture("key-decryption.public.jwk.json")).expect("JSON");
    let with = |member: &str, value: Value| {
        let mut key = good.clone();
        key[member] = value;
        PublicJwk::from_value(&key, Chain::Required).err()
    };
    assert_eq!(with("kty", "EC".into()), Some(JwkRefused::KeyType));
    assert_eq!(with("alg", "RSA-OAEP".into()), Some(JwkRefused::Algorithm));
    assert_eq!(with("alg", "PS512".into()), Some(JwkRefused::Operations));
    assert_eq!(with("key_ops", vec!["wrapKey", "verify"].into()), Some(JwkRefused::Operations));
    assert_eq!(with("key_ops", vec!["encrypt"].into()), Some(JwkRefused::Operations));
    assert_eq!(with("key_ops", Value::Null), Some(JwkRefused::Operations));
    assert_eq!(with("kid", "kurz".into()), Some(JwkRefused::Kid));
    assert_eq!(with("e", "Aw".into()), Some(JwkRefused::Exponent));
    assert_eq!(with("x5c", Value::Null), Some(JwkRefused::Certificates));
    assert_eq!(with("x5c", vec!["-"].into()), Some(JwkRefused::Certificates));
    assert_eq!(with("d", "AQAB".into()), Some(JwkRefused::NotPublic));
    assert_eq!(with("n", format!("AA{}", base64url::encode(&[255; 512])).into()), Some(JwkRefused::Modulus));
}

#[test]
fn private_numbers_that_do_not_fit_are_refused() {
    let mut key: Value = serde_json::from_slice(&fixture("key-decryption.private.jwk.json")).expect("JSON");
    let other: Value = serde_json::from_slice(&fixture("key-other-decryption.private.jwk.json")).expect("JSON");
    key["p"] = other["p"].clone();
    let jwk = PrivateJwk::parse(key.to_string().as_bytes()).expect("well-formed");
    assert_eq!(DecryptionKey::new(&jwk).err(), Some(JwkRefused::Unusable));
    key.as_object_mut().expect("object").remove("qi");
    assert_eq!(PrivateJwk::parse(key.to_string().as_bytes()).err(), Some(JwkRefused::Private("qi")));
}

#[test]
fn a_changed_tag_is_told_from_changed_content() {
    let text = text("tag-bitflip.jwe");
    let Ok(Progress::Head(head)) = JweReader::new().push(text.as_bytes()) else { panic!("a head expected") };
    let content_key = decryption_key().unwrap_key(&head.wrapped_key).expect("unwrapped");
    let mut opener = head.open(&content_key, LIMITS).expect("opened");
    opener.push(&[], &mut Vec::new()).expect("read");
    let seen = opener.seen_tag().expect("a whole tag");
    assert_eq!(Some(seen.as_str()), text.rsplit('.').next());
    assert!(matches!(opener.finish(&mut Vec::new()), Err(StreamError::Refused(JweRefused::Tag))));
}
