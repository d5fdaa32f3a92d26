//! Working on cases: what is seen, what is done, what is refused and how it is said.

use http::StatusCode;

use crate::town::Town;

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_its_way_by_plain_forms() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    let list = erika.get("/vorgaenge?ansicht=alle").await.text();
    assert!(list.contains("MUS-2026-000001") && list.contains(&format!("/vorgang/{case}?ansicht=alle")));

    let page = erika.get(&format!("/vorgang/{case}?ansicht=alle")).await;
    let action = format!("/vorgang/{case}/annehmen");
    let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
    let fields = [("schluessel", key.as_str()), ("stand", &seen), ("liste", "ansicht=alle")];
    let done = erika.post(&action, &fields).await;
    assert_eq!(done.header("location"), format!("/vorgang/{case}?ansicht=alle&erledigt=annehmen"));
    let again = erika.post(&action, &fields).await;
    assert_eq!(again.header("location"), done.header("location"), "a form sent twice gets the same answer");
    let page = erika.get(done.header("location")).await.text();
    assert!(page.contains("Der Vorgang ist angenommen.") && page.contains(">Bearbeiten<"));
    assert_eq!(page.matches("alfa-verlauf__was\">Angenommen").count(), 1, "it happened once");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gave_an_order_sees_it_counted_on_the_next_page() {
    let town = Town::founded().await;
    let erika = town.signed_in("erika").await;
    for accepted in 1..=5 {
        let case = town.receives(accepted, "32").await;
        let action = format!("/vorgang/{case}/annehmen");
        let page = erika.get(&format!("/vorgang/{case}")).await;
        let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
        let done = erika.post(&action, &[("schluessel", &key), ("stand", &seen)]).await;
        let page = erika.get(done.header("location")).await.text();
        let counted = |label: &str, count: u64| {
            page.contains(&format!("<span>{label}</span><span class=\"alfa-zahl\">{count}</span>"))
        };
        assert!(counted("Angenommen", accepted) && counted("Neu", 0), "{page}");
    }
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_order_is_answered_with_what_happened_since() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let (erika, max) = (town.signed_in("erika").await, town.signed_in("max").await);
    let path = format!("/vorgang/{case}");
    let (seen_by_erika, seen_by_max) = (erika.get(&path).await, max.get(&path).await);
    let order = async |client: &crate::client::Client, page: &crate::client::Answer, wanted: &str| {
        let action = format!("{path}/{wanted}");
        let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
        client.post(&action, &[("schluessel", &key), ("stand", &seen)]).await
    };
    assert_eq!(order(&max, &seen_by_max, "verwerfen").await.status, StatusCode::SEE_OTHER);
    let answer = order(&erika, &seen_by_erika, "annehmen").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let text = answer.text();
    assert!(text.contains("Der Vorgang hat sich geändert") && text.contains("Verworfen: Max Ḧolm"), "{text}");
    assert!(text.contains(">Zurückholen<"), "the page shows what can be done now");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_claims_to_have_seen_the_future_is_not_readable() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    let action = format!("/vorgang/{case}/verwerfen");
    let key = erika.get(&format!("/vorgang/{case}")).await.field(&action, "schluessel");
    for seen in ["99999999999", "2", "-1", ""] {
        let answer = erika.post(&action, &[("schluessel", &key), ("stand", seen)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{seen}");
        assert!(answer.text().contains("Nicht lesbar") && answer.text().contains("Öffnen Sie die Seite neu"));
    }
    assert!(!erika.get(&format!("/vorgang/{case}")).await.text().contains("alfa-verlauf__was\">Verworfen"));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_is_refused_is_not_lost() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    let action = format!("/vorgang/{case}/kommentar");
    let page = erika.get(&format!("/vorgang/{case}")).await;
    let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
    let long = format!("<Entwurf> {}", "ä".repeat(10_000));
    let answer = erika.post(&action, &[("schluessel", &key), ("stand", &seen), ("text", &long)]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text().contains("leer oder zu lang") && answer.text().contains("&#60;Entwurf&#62; ää"));
    let fields = [("schluessel", key.as_str()), ("stand", &seen), ("text", "Ruft <b>morgen</b> an.\nDanke")];
    let fresh = erika.get(&format!("/vorgang/{case}")).await.field(&action, "schluessel");
    let fields = [("schluessel", fresh.as_str()), fields[1], fields[2]];
    let done = erika.post(&action, &fields).await;
    assert!(done.header("location").ends_with("erledigt=kommentar"), "{}", done.text());
    erika.post(&action, &fields).await;
    let page = erika.get(&format!("/vorgang/{case}")).await.text();
    assert_eq!(page.matches("Ruft &#60;b&#62;morgen&#60;/b&#62; an.\nDanke").count(), 1);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_assigned_released_and_handed_to_a_colleague() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let erika = town.signed_in("erika").await;
    let action = format!("/vorgang/{case}/zuweisen");
    for (person, says) in [("erika", "zugewiesen"), ("max", "zugewiesen"), ("", "freigegeben")] {
        let page = erika.get(&format!("/vorgang/{case}")).await;
        let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
        let answer = erika.post(&action, &[("schluessel", &key), ("stand", &seen), ("person", person)]).await;
        assert!(answer.header("location").ends_with(says), "{person}: {}", answer.text());
    }
    let page = erika.get(&format!("/vorgang/{case}")).await;
    assert!(page.text().contains("Zugewiesen an Max Ḧolm") && page.text().contains("Freigegeben"));
    let (key, seen) = (page.field(&action, "schluessel"), page.field(&action, "stand"));
    let answer = erika.post(&action, &[("schluessel", &key), ("stand", &seen), ("person", "oskar")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "only colleagues who work on cases can get one");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_of_another_unit_looks_like_none() {
    let town = Town::founded().await;
    let (theirs, none) = (town.receives(1, "33").await, "0".repeat(32));
    let erika = town.signed_in("erika").await;
    let there = erika.get(&format!("/vorgang/{theirs}")).await;
    let nowhere = erika.get(&format!("/vorgang/{none}")).await;
    assert_eq!((there.status, there.text()), (StatusCode::NOT_FOUND, nowhere.text()));
    let order = erika.post(&format!("/vorgang/{theirs}/annehmen"), &[("schluessel", &none), ("stand", "1")]).await;
    assert_eq!(order.status, StatusCode::NOT_FOUND);
    assert!(!erika.get("/vorgaenge?ansicht=alle").await.text().contains("MUS-2026-000001"));
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_tree_and_no_case() {
    let town = Town::founded().await;
    let case = town.receives(1, "32").await;
    let oskar = town.signed_in("oskar").await;
    assert_eq!(oskar.get("/vorgaenge").await.header("location"), "/betrieb");
    let tree = oskar.get("/betrieb").await;
    let (text, path) = (tree.text(), "<code class=\"alfa-pfad\">house/infrastructure/batcher-musterstadt</code>");
    assert!(text.contains(path) && text.contains(">Journal-Sammler musterstadt</span>"), "{text}");
    assert!(text.contains("<dt>Notar</dt><dd>Nummeriert die Datensätze"), "each kind is explained");
    assert!(!tree.text().contains("Öztürk") && !tree.text().contains("MUS-2026"));
    assert!(
        text.contains("house/musterstadt/") && !text.contains("kleinau"),
        "its neighbour is not its matter: {text}"
    );
    assert_eq!(oskar.get(&format!("/vorgang/{case}")).await.status, StatusCode::NOT_FOUND);
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_searched_filtered_and_walked_through() {
    let town = Town::founded().await;
    for number in 1..=3 {
        town.receives(number, "32").await;
    }
    let erika = town.signed_in("erika").await;
    let found = erika.get("/vorgaenge?ansicht=alle&suche=w%C3%B3jcik").await.text();
    assert!(found.contains("MUS-2026-000001") && !found.contains("MUS-2026-000002"), "{found}");
    assert!(found.contains("Suche: wójcik") && found.contains("1 von 1"));
    let none = erika.get("/vorgaenge?ansicht=meine").await.text();
    assert!(none.contains("Ihnen ist gerade kein Vorgang zugewiesen."));
    let sorted = erika.get("/vorgaenge?ansicht=alle&sortierung=nummer&richtung=auf").await.text();
    let place = |number: &str| sorted.find(number).expect("is there");
    assert!(place("MUS-2026-000001") < place("MUS-2026-000002") && sorted.contains("aria-sort=\"ascending\""));
    let second = sorted.split("href=\"/vorgang/").nth(2).and_then(|rest| rest.split('"').next()).expect("two rows");
    let page = erika.get(&format!("/vorgang/{}", second.replace("&#38;", "&"))).await.text();
    assert!(page.contains("2 von 3") && page.contains("rel=\"prev\"") && page.contains("rel=\"next\""), "{page}");
    town.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_completed_from_what_the_reader_may_see() {
    let town = Town::founded().await;
    for (number, unit) in [(1, "32"), (2, "33"), (3, "32")] {
        town.receives(number, unit).await;
    }
    let erika = town.signed_in("erika").await;
    let ask = async |typed: &str| erika.get(&format!("/vorgaenge/vorschlaege?suche={typed}")).await.text();
    let names = ask("W%C3%B3j").await;
    assert!(names.contains("Wójcik\"></option>") && !names.contains("<html"), "{names}");
    let numbers = ask("MUS-2026").await;
    assert!(numbers.contains("MUS-2026-000001") && numbers.contains("MUS-2026-000003"), "{numbers}");
    assert!(!numbers.contains("MUS-2026-000002"), "what belongs to another unit completes nothing");
    assert_eq!(numbers.matches("<option").count(), 2);
    for nothing in ["", "M", "gibtesnicht", &"a".repeat(300)] {
        assert!(!ask(nothing).await.contains("<option"), "{nothing}");
    }
    let escaped = ask("Lindner").await;
    assert!(!escaped.contains("<b>"), "{escaped}");
    let oskar = town.signed_in("oskar").await.get("/vorgaenge/vorschlaege?suche=MUS").await;
    assert_eq!(oskar.status, StatusCode::FORBIDDEN);
    let stranger = town.browser().get("/vorgaenge/vorschlaege?suche=Lindner").await;
    assert_eq!(stranger.header("location"), "/anmeldung?zurueck=%2Fvorgaenge", "nobody returns to a part of a page");
    town.closes().await;
}
