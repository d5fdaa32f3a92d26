//! Tables whose rows are types of the protocols (routing rules, form mappings): they parse themselves, and are noted and
//! refused here like every other value.

use serde::de::DeserializeOwned;

use super::{
    origin::Origin,
    problem::{Problem, nearest},
    reader::{Section, Shown},
    tree::{Node, Table, Value},
};
use crate::german;

/// Reads a section as one row.
pub(super) fn row<T: DeserializeOwned>(section: Section<'_>) -> Option<T> {
    let (reader, path, origin, table) = section.into_parts();
    note(&table, &path, &mut reader.shown);
    for key in keys::<T>().into_iter().filter(|key| !table.contains_key(key)) {
        reader.shown.push(Shown::unset(format!("{path}.{key}")));
    }
    match T::deserialize(as_toml(table.clone())) {
        Ok(row) => Some(row),
        Err(error) => {
            reader.problems.push(refused(error.message(), &path, &origin, &table));
            None
        }
    }
}

/// The keys of a row, as it names them when it refuses another.
fn keys<T: DeserializeOwned>() -> Vec<String> {
    let nobodys = toml::Table::from_iter([("?".to_owned(), toml::Value::Boolean(true))]);
    let refused = T::deserialize(toml::Value::Table(nobodys)).err();
    let named = refused.map(|error| error.message().split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect());
    named.unwrap_or_default()
}

fn note(table: &Table, path: &str, shown: &mut Vec<Shown>) {
    for (key, node) in table {
        let path = format!("{path}.{key}");
        match &node.value {
            Value::Table(below) => note(below, &path, shown),
            value => shown.push(Shown { path, value: text(value), origin: node.origin.clone() }),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Untyped(text) | Value::Date(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::List(items) => items.iter().map(|item| text(&item.value)).collect::<Vec<_>>().join(", "),
        Value::Table(_) => "{…}".to_owned(),
        Value::Unusable(what) => (*what).to_owned(),
    }
}

fn as_toml(table: Table) -> toml::Value {
    let entries = table.into_iter().map(|(key, Node { value, .. })| (key, toml_value(value)));
    toml::Value::Table(entries.collect())
}

/// A date is given as its text: the rows read days, and take them from a string.
fn toml_value(value: Value) -> toml::Value {
    match value {
        Value::Text(text) | Value::Untyped(text) | Value::Date(text) => toml::Value::String(text),
        Value::Integer(number) => toml::Value::Integer(number),
        Value::Boolean(truth) => toml::Value::Boolean(truth),
        Value::List(items) => toml::Value::Array(items.into_iter().map(|item| toml_value(item.value)).collect()),
        Value::Table(table) => as_toml(table),
        Value::Unusable(what) => toml::Value::String(what.to_owned()),
    }
}

/// What serde says, in our words where it is about keys.
fn refused(message: &str, path: &str, origin: &Origin, table: &Table) -> Problem {
    let mut words = message.split('`').skip(1).step_by(2);
    let here = |what| Problem { origin: origin.clone(), path: path.to_owned(), what };
    match words.next() {
        Some(unknown) if message.starts_with("unknown field") => {
            let known: Vec<&str> = words.collect();
            let what = match nearest(unknown, known.iter().copied()) {
                Some(meant) => format!("ist unbekannt; gemeint ist wohl `{meant}`"),
                None => format!("ist unbekannt; hier gibt es {}", known.join(", ")),
            };
            match find(table, unknown, path) {
                Some((path, origin)) => Problem { origin, path, what },
                None => here(what),
            }
        }
        Some(missing) if message.starts_with("missing field") => here(format!("fehlt der Schlüssel `{missing}`")),
        _ => here(format!("kann nicht gelesen werden: {}", german::toml::value(message))),
    }
}

/// Where a key stands in a table or below it.
fn find(table: &Table, key: &str, path: &str) -> Option<(String, Origin)> {
    if let Some(node) = table.get(key) {
        return Some((format!("{path}.{key}"), node.origin.clone()));
    }
    table.iter().find_map(|(name, node)| match &node.value {
        Value::Table(below) => find(below, key, &format!("{path}.{name}")),
        _ => None,
    })
}
