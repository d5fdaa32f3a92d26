//! The form format of OZG-Cloud (`formData.json`): a `control` block and a tree of labelled, typed values.
//!
//! Two independent senders agree on it (`shared/mission/product.md` §1.2), and both are careless: service keys may be
//! missing, words and case of trust levels vary, empty dates arrive as text, unknown members come and go. So only the shape
//! is asked for; whatever is missing stays empty, and whether everything that was there was read is told.

use super::{FormRefused, json};
use crate::application::{FormItem, FormValue, PostboxAddress, PostboxKind, ServiceAccount};

/// The schema URI under which senders of ours say that their data have this shape.
pub const SCHEMA_URI: &str = "urn:ozg-cloud:schema:form-data:1";

/// Form data of this shape.
#[derive(Debug, Clone, PartialEq)]
pub struct OzgCloudForm {
    /// What stands around the values.
    pub control: Control,
    /// The values.
    pub items: Vec<FormItem>,
    /// Whether this is all: nothing was said that has no place here.
    pub complete: bool,
}

/// What stands around the values (`control`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Control {
    /// `transactionId`.
    pub transaction_id: Option<String>,
    /// `zustaendigeStelle`: the org unit that the sender believes to be responsible.
    pub responsible: Option<String>,
    /// `leikaIds`, possibly none.
    pub services: Vec<String>,
    /// `formId`.
    pub form_id: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `serviceKonto`.
    pub account: Option<ServiceAccount>,
}

/// Reads `formData.json`.
///
/// # Errors
/// [`FormRefused`]; [`FormRefused::OtherShape`] without a `formData` list.
pub fn parse(bytes: &[u8]) -> Result<OzgCloudForm, FormRefused> {
    let document = json::parse(bytes)?;
    let data = member(&document, "formData").ok_or(FormRefused::OtherShape)?;
    let items = match &data.value {
        FormValue::Group(elements) => {
            elements.iter().map(item).collect::<Option<_>>().ok_or(FormRefused::OtherShape)?
        }
        FormValue::Empty => Vec::new(),
        _ => return Err(FormRefused::OtherShape),
    };
    let control = member(&document, "control").map(|control| read_control(children(control))).unwrap_or_default();
    Ok(OzgCloudForm { control, items, complete: is_complete(&document) })
}

/// Whether every member that says something is one of those that are read, once, and of the kind that is read.
fn is_complete(document: &[FormItem]) -> bool {
    let control = part(document, "control");
    let (services, account) = (part(control, "leikaIds"), part(control, "serviceKonto"));
    let address = part(account, "postfachAddress");
    says_only(document, &[], &["control", "formData"], &[])
        && says_only(
            control,
            &["transactionId", "zustaendigeStelle", "formId", "name"],
            &["serviceKonto"],
            &["leikaIds"],
        )
        && services.iter().all(|service| as_words(&service.value).is_some())
        && says_only(account, &["type", "trustLevel"], &["postfachAddress"], &[])
        && says_only(address, &["identifier", "type"], &[], &[])
        && part(document, "formData").iter().all(is_complete_item)
}

fn is_complete_item(element: &FormItem) -> bool {
    const VALUES: [&str; 4] = ["stringValue", "numberValue", "dateValue", "booleanValue"];
    let members = children(element);
    let values = members.iter().filter(|member| says(member) && !["name", "label"].contains(&member.name.as_str()));
    says_only(members, &["name", "label"], &["formItems"], &VALUES)
        && values.count() <= 1
        && part(members, "formItems").iter().all(is_complete_item)
}

/// Whether nothing else is said than these words, these groups and these values of any kind, and nothing twice.
fn says_only(members: &[FormItem], words: &[&str], groups: &[&str], values: &[&str]) -> bool {
    let mut said = Vec::new();
    members.iter().filter(|member| says(member)).all(|FormItem { name, value, .. }| {
        let name = name.as_str();
        let once = !said.contains(&name);
        said.push(name);
        once && (words.contains(&name) && as_words(value).is_some()
            || groups.contains(&name) && matches!(value, FormValue::Group(_))
            || values.contains(&name))
    })
}

fn says(member: &FormItem) -> bool {
    match &member.value {
        FormValue::Empty => false,
        FormValue::Text(text) => !text.trim().is_empty(),
        FormValue::Group(members) => !members.is_empty(),
        _ => true,
    }
}

fn item(element: &FormItem) -> Option<FormItem> {
    let FormValue::Group(members) = &element.value else { return None };
    let name = words(members, "name").or_else(|| words(members, "label"))?;
    Some(FormItem { name, label: words(members, "label"), value: value(members)? })
}

/// The first value that is there. What arrives under another type than its member says is taken as it is.
fn value(members: &[FormItem]) -> Option<FormValue> {
    if let Some(group) = member(members, "formItems").filter(|items| items.value != FormValue::Empty) {
        return children(group).iter().map(item).collect::<Option<_>>().map(FormValue::Group);
    }
    let given = ["stringValue", "numberValue", "dateValue", "booleanValue"]
        .into_iter()
        .filter_map(|kind| member(members, kind).map(|found| (kind, &found.value)))
        .find(|(_, value)| **value != FormValue::Empty);
    Some(match given {
        Some(("dateValue", FormValue::Text(day))) => FormValue::Date(day.clone()),
        Some(("numberValue", FormValue::Text(digits))) if is_number(digits) => FormValue::Number(digits.clone()),
        Some((_, FormValue::Group(_))) => return None,
        Some((_, value)) => value.clone(),
        None => FormValue::Empty,
    })
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn read_control(control: &[FormItem]) -> Control {
    let services = match member(control, "leikaIds").map(|services| &services.value) {
        Some(FormValue::Group(services)) => services.iter().filter_map(|id| as_words(&id.value)).collect(),
        Some(only) => as_words(only).into_iter().collect(),
        None => Vec::new(),
    };
    Control {
        transaction_id: words(control, "transactionId"),
        responsible: words(control, "zustaendigeStelle"),
        services,
        form_id: words(control, "formId"),
        name: words(control, "name"),
        account: member(control, "serviceKonto").and_then(|account| service_account(children(account))),
    }
}

impl Control {
    /// The applicant's postbox, where its address was sent.
    #[must_use]
    pub fn postbox(&self) -> Option<PostboxAddress> {
        let ServiceAccount { kind, trust_level, identifier, holder } = self.account.clone()?;
        Some(PostboxAddress { kind, identifier: identifier?, holder, trust_level })
    }
}

/// Whatever is said of it: senders leave out the postbox of an account that has none.
fn service_account(account: &[FormItem]) -> Option<ServiceAccount> {
    let address = member(account, "postfachAddress").map(children).unwrap_or_default();
    let kind = match words(account, "type").unwrap_or_default() {
        kind if kind.eq_ignore_ascii_case("OSI") => PostboxKind::Osi,
        kind if kind.eq_ignore_ascii_case("BAYERN_ID") => PostboxKind::BayernId,
        kind if kind.eq_ignore_ascii_case("BUND_ID") => PostboxKind::BundId,
        kind => PostboxKind::Other(kind),
    };
    let (trust_level, identifier) = (words(account, "trustLevel"), words(address, "identifier"));
    let told = ServiceAccount { kind, trust_level, identifier, holder: words(address, "type") };
    let nothing =
        ServiceAccount { kind: PostboxKind::Other(String::new()), trust_level: None, identifier: None, holder: None };
    (told != nothing).then_some(told)
}

fn member<'f>(items: &'f [FormItem], name: &str) -> Option<&'f FormItem> {
    items.iter().rfind(|item| item.name == name)
}

fn part<'f>(items: &'f [FormItem], name: &str) -> &'f [FormItem] {
    member(items, name).map(children).unwrap_or_default()
}

fn children(item: &FormItem) -> &[FormItem] {
    match &item.value {
        FormValue::Group(children) => children,
        _ => &[],
    }
}

fn words(items: &[FormItem], name: &str) -> Option<String> {
    as_words(&member(items, name)?.value)
}

fn as_words(value: &FormValue) -> Option<String> {
    match value {
        FormValue::Text(text) | FormValue::Number(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use super::*;

    #[test]
    fn values_keep_their_labels_and_types() {
        let form = parse(
            br#"{"control":{"transactionId":"t-1","leikaIds":[]},"formData":[
                {"name":"Person","label":"Angaben zur Person","formItems":[
                    {"name":"geb","label":"Geburtstag","dateValue":"1990-02-01"},
                    {"name":"hunde","numberValue":2},{"name":"ja","booleanValue":false},
                    {"name":"leer","stringValue":null},{"name":"offen","stringValue":"Keine Angabe"}]}]}"#,
        )
        .expect("the shape");
        assert_eq!(form.control.transaction_id.as_deref(), Some("t-1"));
        let FormValue::Group(person) = &form.items[0].value else { panic!("a group") };
        let values: Vec<_> = person.iter().map(|item| item.value.clone()).collect();
        let expected = [
            FormValue::Date("1990-02-01".into()),
            FormValue::Number("2".into()),
            FormValue::Flag(false),
            FormValue::Empty,
            FormValue::Text("Keine Angabe".into()),
        ];
        assert_eq!((form.items[0].heading(), &values[..]), ("Angaben zur Person", &expected[..]));
    }

    #[test]
    fn a_careless_control_block_is_read_as_far_as_it_goes() {
        let form = parse(
            br#"{"control":{"zustaendigeStelle":197008,"serviceKonto":{"type":"bayern_id","trustLevel":"Keine Angaben",
                "postfachAddress":{"identifier":"p-1"}},"more":{}},"formData":[]}"#,
        )
        .expect("the shape");
        let postbox = form.control.postbox().expect("a postbox");
        assert_eq!((postbox.kind, postbox.trust_level.as_deref()), (PostboxKind::BayernId, Some("Keine Angaben")));
        assert_eq!(form.control.responsible.as_deref(), Some("197008"));
    }

    #[test]
    fn whatever_has_no_place_in_a_form_is_told() {
        let complete = |document: &str| parse(document.as_bytes()).expect("the shape").complete;
        let item = |members: &str| format!(r#"{{"formData":[{{"name":"a","formItems":[{{"name":"b"{members}}}]}}]}}"#);
        let control = |members: &str| format!(r#"{{"control":{{"name":"c"{members}}},"formData":[]}}"#);
        for all in [
            item(r#","label":"B","stringValue":"x","numberValue":null,"hint":null,"more":"""#),
            control(r#","leikaIds":["1"],"zustaendigeStelle":7,"serviceKonto":{"type":"OSI","postfachAddress":{}}"#),
        ] {
            assert!(complete(&all), "{all}");
        }
        for more in [
            item(r#","stringValue":"x","hint":"y""#),
            item(r#","stringValue":"x","numberValue":1"#),
            item(r#","stringValue":"x","formItems":[{"name":"d"}]"#),
            item(r#","stringValue":"x","stringValue":"y""#),
            item(r#","formItems":"x""#),
            control(r#","version":2"#),
            control(r#","leikaIds":[["1"]]"#),
            control(r#","serviceKonto":{"type":"OSI","since":"2020"}"#),
            control(r#","serviceKonto":{"type":"OSI","postfachAddress":{"identifier":"p","zone":"BY"}}"#),
            r#"{"formData":[],"signature":"x"}"#.to_owned(),
        ] {
            assert!(!complete(&more), "{more}");
        }
    }

    #[test]
    fn other_json_is_not_taken_for_a_form() {
        for other in
            [r#"{"a":1}"#, r#"{"formData":"x"}"#, r#"{"formData":[1]}"#, r#"{"formData":[{"stringValue":"x"}]}"#]
        {
            assert_eq!(parse(other.as_bytes()), Err(FormRefused::OtherShape), "{other}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests find the shared data by the environment")]
    fn a_form_of_a_real_sender_is_read() {
        let shared = env::var_os("OZG_SHARED")
            .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
        let sample = shared.join("data/forms/ozg-cloud-formData-startuphafen.json");
        let Ok(bytes) = fs::read(&sample) else {
            crate::skipped::skipped(format_args!("{} is not there", sample.display()));
            return;
        };
        let form = parse(&bytes).expect("the shape");
        assert_eq!(form.control.services, ["99050012104000"]);
        assert_eq!(form.control.postbox().expect("a postbox").holder.as_deref(), Some("unternehmen"));
        assert_eq!((form.items.len(), form.complete), (4, true));
    }
}
