//! The configuration before it means anything: tables, lists and values, each with its origin.
//!
//! A file is parsed into a tree, variables are laid over it ([`Tree::overlay`]), and [`super::reader`] takes typed values
//! out of it. Nothing here knows a section or a key.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{origin::Origin, problem::Problem};
use crate::german;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A value of TOML, or the text of a variable, whose type only its reader knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// A TOML date or time, as written.
    Date(String),
    /// The content of a variable.
    Untyped(String),
    List(Vec<Node>),
    Table(Table),
    /// A kind of value that no setting takes.
    Unusable(&'static str),
}

/// Values by key.
pub(super) type Table = BTreeMap<String, Node>;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tree {
    pub(super) root: Table,
}

impl Tree {
    /// The tree of a TOML file.
    pub(super) fn parse(text: &str, file: &Arc<PathBuf>) -> Result<Self, Problem> {
        let lines = Lines { text, file };
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { root: lines.table(table.into_inner()) }),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let column =
                    text.get(..start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default().chars().count();
                let what = format!(
                    "ist kein gültiges TOML (Spalte {}): {}",
                    column + 1,
                    german::toml::syntax(error.message())
                );
                Err(Problem { origin: lines.origin(start), path: String::new(), what })
            }
        }
    }

    /// Lays one variable over the tree. `path` is the variable's name in lower case without prefix, cut at `__`; a number
    /// names a place in a list, and the place after the last adds to it. A value in square brackets is a TOML list.
    pub(super) fn overlay(&mut self, path: &[String], text: &str, name: &str) -> Result<(), Problem> {
        let origin = Origin::Variable(name.to_owned());
        let value = variable(text, &origin)?;
        place(&mut self.root, path, Node { value, origin })
    }
}

struct Lines<'t> {
    text: &'t str,
    file: &'t Arc<PathBuf>,
}

impl Lines<'_> {
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(self.text);
        Origin::File { file: Arc::clone(self.file), line: before.matches('\n').count() + 1 }
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        let entry = |(key, value): (Spanned<_>, Spanned<DeValue<'_>>)| {
            let origin = self.origin(key.span().start);
            (String::from(key.into_inner()), Node { value: self.value(value.into_inner()), origin })
        };
        table.into_iter().map(entry).collect()
    }

    fn value(&self, value: DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Unusable("eine zu große Zahl"), Value::Integer),
            DeValue::Boolean(truth) => Value::Boolean(truth),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Array(items) => {
                let item = |item: Spanned<DeValue<'_>>| {
                    let origin = self.origin(item.span().start);
                    Node { value: self.value(item.into_inner()), origin }
                };
                Value::List(items.into_iter().map(item).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Float(_) => Value::Unusable("eine Kommazahl"),
        }
    }
}

fn variable(text: &str, origin: &Origin) -> Result<Value, Problem> {
    if !text.trim_start().starts_with('[') {
        return Ok(Value::Untyped(text.to_owned()));
    }
    let wrong = |what: &str| Problem { origin: origin.clone(), path: String::new(), what: what.to_owned() };
    let list = DeValue::parse(text).map_err(|_| wrong("ist keine gültige TOML-Liste"))?;
    let file = Arc::default();
    let Value::List(items) = (Lines { text, file: &file }).value(list.into_inner()) else {
        return Err(wrong("ist keine gültige TOML-Liste"));
    };
    if items.iter().any(|item| matches!(item.value, Value::List(_) | Value::Table(_))) {
        return Err(wrong("darf nur eine Liste einfacher Werte enthalten"));
    }
    Ok(Value::List(items.into_iter().map(|item| Node { origin: origin.clone(), ..item }).collect()))
}

fn place(table: &mut Table, path: &[String], node: Node) -> Result<(), Problem> {
    let Some((key, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        table.insert(key.clone(), node);
        return Ok(());
    }
    let origin = node.origin.clone();
    let found = table.entry(key.clone()).or_insert_with(|| Node { value: empty(rest), origin });
    place_below(found, rest, node)
}

fn place_below(found: &mut Node, path: &[String], node: Node) -> Result<(), Problem> {
    let wrong = |node: &Node, what: String| Problem { origin: node.origin.clone(), path: path.join("."), what };
    let Some((key, rest)) = path.split_first() else {
        *found = node;
        return Ok(());
    };
    match &mut found.value {
        Value::Table(table) => place(table, path, node),
        Value::List(items) => {
            let Ok(index) = key.parse::<usize>() else {
                return Err(wrong(&node, format!("muss in einer Liste eine Zahl sein, nicht `{key}`")));
            };
            let length = items.len();
            if index > length {
                return Err(wrong(&node, format!("nennt Platz {index}, die Liste hat nur {length}")));
            }
            if index == length {
                items.push(Node { value: empty(rest), origin: node.origin.clone() });
            }
            place_below(&mut items[index], rest, node)
        }
        _ => Err(wrong(&node, "liegt unter einem einfachen Wert".to_owned())),
    }
}

fn empty(below: &[String]) -> Value {
    match below.first() {
        Some(next) if next.parse::<usize>().is_ok() => Value::List(Vec::new()),
        _ => Value::Table(Table::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::parse(text, &Arc::new("a.toml".into())).expect("valid TOML")
    }

    fn path(path: &str) -> Vec<String> {
        path.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_value_knows_the_line_of_its_key() {
        let tree = tree("[server]\n\nlisten = 'x'\n");
        let Value::Table(server) = &tree.root["server"].value else { panic!("a table") };
        assert_eq!(server["listen"].origin.to_string(), "a.toml:3");
    }

    #[test]
    fn broken_toml_is_refused_with_its_line() {
        let problem = Tree::parse("[server]\nlisten = \n", &Arc::new("a.toml".into())).expect_err("broken");
        assert_eq!(problem.origin.to_string(), "a.toml:2");
    }

    #[test]
    fn a_variable_goes_over_the_file_and_into_lists() {
        let mut tree = tree("[[tenant]]\nslug = 'a'\n");
        tree.overlay(&path("tenant.0.slug"), "b", "OZG_TENANT__0__SLUG").expect("placed");
        tree.overlay(&path("tenant.1.slug"), "c", "OZG_TENANT__1__SLUG").expect("appended");
        let Value::List(tenants) = &tree.root["tenant"].value else { panic!("a list") };
        let slugs = tenants.iter().map(|tenant| match &tenant.value {
            Value::Table(tenant) => tenant["slug"].value.clone(),
            other => other.clone(),
        });
        assert_eq!(slugs.collect::<Vec<_>>(), [Value::Untyped("b".into()), Value::Untyped("c".into())]);
    }

    #[test]
    fn a_variable_leaves_no_gap_in_a_list() {
        let refused = tree("").overlay(&path("tenant.1.slug"), "b", "OZG_TENANT__1__SLUG");
        assert!(refused.expect_err("a gap").what.contains("nur 0"));
    }

    #[test]
    fn a_variable_in_brackets_is_a_list() {
        let mut tree = tree("");
        tree.overlay(&path("operations.allowed"), "['10.0.0.0/8']", "OZG_OPERATIONS__ALLOWED").expect("a list");
        let Value::Table(operations) = &tree.root["operations"].value else { panic!("a table") };
        assert!(matches!(&operations["allowed"].value, Value::List(items) if items.len() == 1));
    }
}
