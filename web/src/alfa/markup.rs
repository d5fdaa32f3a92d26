//! What the pages' markup promises: escaping, names for everything one can operate, one way of doing things without script.

use askama::Template;
use ozg_actors::ClearingItem;
use ozg_protocols::{
    case::{Action, Case},
    ids::{CaseId, CommandKey, IntakeId},
    intake::ClearingReason,
    work_list::View,
};

use super::{
    case::CasePage,
    case_view::{CaseView, Known},
    clearing::{ClearingPage, ItemView},
    fixture,
    frame::{Frame, Here},
    list_address::ListAddress,
    work_list::{ListView, WorkListPage},
};

pub(crate) fn list_html() -> String {
    let list = ListAddress { view: View::All, text: Some("Straße".into()), ..ListAddress::default() };
    let services = [("urn:x:gewerbe".to_owned(), "Gewerbeanmeldung".to_owned())];
    let view = ListView::new(&list, &fixture::rows(), &services);
    let frame = Frame::new("Alle", "Musterstadt", &fixture::emil(), Some(&fixture::counts()), &Here::List(list));
    WorkListPage { frame, list: view }.render().expect("renders")
}

pub(crate) fn case_html() -> String {
    html_of(&fixture::case())
}

fn html_of(case: &Case) -> String {
    let (history, who) = (fixture::history(), fixture::emil());
    let colleagues = [fixture::person("emil", "Emil Ansbach"), fixture::person("rita", "Rita Kolb")];
    let known = Known {
        id: CaseId::from_u128(4_688),
        case,
        version: 4,
        history: &history,
        steps: &[Action::StartWork, Action::PutBack],
        may_assign: true,
        may_comment: true,
        org_unit: Some("Ordnungsamt"),
        colleagues: &colleagues,
        who: &who,
    };
    let mut number = 0;
    let view = CaseView::new(&known, &ListAddress::default(), || {
        number += 1;
        CommandKey::from_u128(number)
    });
    let frame = Frame::new("Vorgang", "Musterstadt", &who, Some(&fixture::counts()), &Here::Elsewhere);
    CasePage { frame, case: view }.render().expect("renders")
}

#[test]
fn what_an_applicant_wrote_stays_text() {
    assert!(!list_html().contains("<script>alert"), "the title of a case must be escaped");
    assert!(list_html().contains("&#60;script&#62;alert(1)"));
    assert!(!case_html().contains("<b>Lindner"));
}

#[test]
fn no_page_carries_inline_script_style_or_foreign_addresses() {
    for html in [list_html(), case_html()] {
        for forbidden in ["style=", "onclick", "hx-on", "javascript:", "src=\"http", "href=\"http", "<style"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn whoever_loads_a_case_anew_gets_its_page_even_where_it_answered_an_order() {
    let html = case_html();
    let (_, hint) = html.split_once("id=\"geaendert\" data-alfa-adresse=\"").expect("a hint with an address");
    let (address, _) = hint.split_once('"').expect("its end");
    assert_eq!(address.split_once('?').map(|(path, _)| path), Some(&*format!("/vorgang/{}", CaseId::from_u128(4_688))));
}

#[test]
fn every_form_of_a_case_has_a_key_of_its_own_and_the_version_that_was_seen() {
    let html = case_html();
    let mut keys: Vec<_> = html.split("name=\"schluessel\" value=\"").skip(1).map(|rest| &rest[..32]).collect();
    let forms = html.matches("<form action=\"/vorgang/").count() + html.matches("\" action=\"/vorgang/").count();
    assert_eq!(keys.len(), forms);
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), forms, "two forms share a key");
    assert_eq!(html.matches("name=\"stand\" value=\"4\"").count(), forms);
}

#[test]
fn a_file_the_browser_should_not_show_is_only_handed_out() {
    let html = case_html();
    assert!(html.contains("Grundriss.dwg") && !html.contains(">Grundriss.dwg<span"));
    assert_eq!(html.matches("?ansehen").count(), 2);
}

#[test]
fn a_form_too_long_to_be_shown_says_so_and_is_handed_out_whole() {
    let note = "Alle Formulardaten herunterladen";
    assert!(!case_html().contains(note));
    let mut case = fixture::case();
    let file = case.application.attachments[0].clone();
    case.application.whole.data = Some(file.clone());
    let html = html_of(&case);
    assert!(html.contains("enthält mehr, als hier angezeigt") && html.contains(note));
    let href = format!("href=\"/vorgang/{}/anhang/{}\" download", CaseId::from_u128(4_688), file.id);
    assert_eq!(html.matches(&href).count(), 2, "it leads where the files of the case are handed out");
    assert!(html.contains("Anhänge <span class=\"alfa-leise\">(3)"), "it is no attachment");
    case.application.form.items.clear();
    let html = html_of(&case);
    assert!(html.contains("lassen sich hier nicht darstellen") && html.contains(note));
    assert!(!html.contains("enthält keine Formulardaten"));
    case.application.whole.metadata = case.application.whole.data.take();
    assert!(html_of(&case).contains("Alle Angaben des Absenders herunterladen"));
}

#[test]
fn a_clearing_item_says_why_and_what_to_do() {
    let item = ClearingItem {
        intake: IntakeId::from_u128(7),
        channel: fixture::application().channel,
        service: "urn:de:fim:leika:leistung:99050012104000".into(),
        reason: ClearingReason::NoResponsibleUnit,
        kept: fixture::minutes(0),
        since: fixture::minutes(1),
        attempts: 1,
        case: Some(fixture::rows().rows[0].case),
    };
    let foreign = ClearingItem {
        intake: IntakeId::from_u128(8),
        reason: ClearingReason::ForeignVerdict,
        case: None,
        ..item.clone()
    };
    let failed = ClearingItem { reason: ClearingReason::FailedThreeTimes, ..foreign.clone() };
    let refused = ClearingItem { reason: ClearingReason::VerdictRefused, ..item.clone() };
    let long = ClearingItem { reason: ClearingReason::TooLarge, service: String::new(), ..foreign.clone() };
    let items = [&item, &foreign, &failed, &refused, &long].map(|item| ItemView::new(item, CommandKey::from_u128(1)));
    let frame = Frame::new("Klärungsfälle", "Musterstadt", &fixture::emil(), None, &Here::Clearing);
    let html =
        ClearingPage { frame, notice: None, live: String::new(), items: items.into() }.render().expect("renders");
    assert!(
        html.contains("Keine Zuständigkeit gefunden") && html.contains("öffnen Sie den Vorgang und weisen Sie ihn zu")
    );
    assert_eq!(html.matches("Erneut versuchen").count(), 2, "only where trying again can help");
    assert!(html.contains("die Grenze für Abrufe anheben") && html.matches("Leistung</").count() == 4);
    assert!(html.contains("Der Zustelldienst nimmt die Annahme") && html.matches("Erneut senden").count() == 1);
    assert_eq!(html.matches("Vorgang öffnen").count(), 2, "where there is a case, the way on leads there");
}

#[test]
fn the_list_stays_within_its_weight() {
    assert!(list_html().len() < 32_000, "{}", list_html().len());
}
