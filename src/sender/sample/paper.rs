//! What stands on the documents of a sample: the form with its labels and values, and what is handed in with it.

use serde_json::Value;

use super::pdf::Section;

/// The form as it was filled in: one section for each group, and one for what belongs to none.
pub(super) fn form(data: &Value) -> Vec<Section> {
    let (groups, alone): (Vec<&Value>, Vec<&Value>) =
        items(data, "formData").partition(|item| item.get("formItems").is_some());
    let groups = groups
        .into_iter()
        .map(|group| Section { heading: text(group, "label"), rows: items(group, "formItems").map(row).collect() });
    let rest = Section { heading: "Erklärungen".to_owned(), rows: alone.into_iter().map(row).collect() };
    groups.chain([rest]).collect()
}

/// A page that is handed in with an application: what it belongs to.
pub(super) fn enclosure(service: &str, applicant: &str, today: &str) -> Vec<Section> {
    let row = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    vec![Section {
        heading: "Anlage zum Antrag".to_owned(),
        rows: vec![row("Leistung", service), row("Eingereicht von", applicant), row("Datum", today)],
    }]
}

/// A day (`yyyy-MM-dd`) as it is written in German.
pub(super) fn german_day(day: &str) -> String {
    day.split('-').rev().collect::<Vec<_>>().join(".")
}

fn items<'d>(of: &'d Value, name: &str) -> impl Iterator<Item = &'d Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text(item: &Value, name: &str) -> String {
    item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn row(item: &Value) -> (String, String) {
    let value = if let Some(flag) = item.get("booleanValue").and_then(Value::as_bool) {
        if flag { "Ja" } else { "Nein" }.to_owned()
    } else if let Some(number) = item.get("numberValue") {
        number.to_string()
    } else if let Some(day) = item.get("dateValue").and_then(Value::as_str) {
        german_day(day)
    } else {
        text(item, "stringValue")
    };
    (text(item, "label"), value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_stand_beside_their_labels_as_a_german_reads_them() {
        let group = json!({ "label": "Angaben", "formItems": [
            { "label": "Ab", "dateValue": "2026-03-09" },
            { "label": "Hunde", "numberValue": 2 },
            { "label": "Rasse", "stringValue": "Dackel" },
        ] });
        let data = json!({ "formData": [group, { "label": "Gelesen", "booleanValue": true }] });
        let rows = |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let expected = [
            Section {
                heading: "Angaben".into(),
                rows: rows(&[("Ab", "09.03.2026"), ("Hunde", "2"), ("Rasse", "Dackel")]),
            },
            Section { heading: "Erklärungen".into(), rows: rows(&[("Gelesen", "Ja")]) },
        ];
        assert_eq!(form(&data), expected);
    }
}
