//! Takes typed values out of the tree, writes down what it took, and collects what is wrong.
//!
//! A section is read key by key; [`Section::finish`] then refuses every key nobody asked for. Reading goes on after a
//! problem, so that one run names them all; a value that is missing or wrong is `None`, and its problem is noted.

use std::{ops::RangeInclusive, path::PathBuf};

use super::{
    origin::Origin,
    problem::{Problem, nearest},
    tree::{Node, Table, Value},
};

/// A value as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The dotted path of the value.
    pub path: String,
    /// The value; a secret is replaced by a remark.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl Shown {
    /// A key that nobody set, and that has no default.
    pub(super) fn unset(path: String) -> Self {
        Self { path, value: "(keine)".to_owned(), origin: Origin::Default }
    }
}

/// What values are read against.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// The directory of the configuration file: relative paths start here.
    pub(super) base: PathBuf,
    /// Where systemd put the credentials of the service, if it did.
    pub(super) credentials: Option<PathBuf>,
}

/// A type that a setting can have.
pub(super) trait Setting: Sized {
    /// What the setting must be, in German, after "muss … sein".
    const EXPECTED: &'static str;

    /// The setting with this text; `None` if it is not one.
    fn read(text: &str, around: &Surroundings) -> Option<Self>;

    /// The setting as shown, without secrets.
    fn show(&self) -> String;
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) around: Surroundings,
    pub(super) problems: Vec<Problem>,
    pub(super) shown: Vec<Shown>,
}

impl Reader {
    /// The whole configuration as a section; what is missing in it is missing at `origin`.
    pub(super) fn root(&mut self, table: Table, origin: Origin) -> Section<'_> {
        Section { reader: self, path: String::new(), origin, table, known: Vec::new() }
    }

    /// Where the value with this path comes from, or the first value below it, if somebody set it.
    pub(super) fn origin_of(&self, path: &str) -> Option<&Origin> {
        let below =
            |shown: &&Shown| shown.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.shown.iter().filter(|shown| shown.origin != Origin::Default).find(below).map(|shown| &shown.origin)
    }
}

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Section<'r> {
    reader: &'r mut Reader,
    path: String,
    origin: Origin,
    table: Table,
    known: Vec<&'static str>,
}

impl<'r> Section<'r> {
    /// A value that may be missing.
    pub(super) fn optional<T: Setting>(&mut self, key: &'static str) -> Option<T> {
        let path = self.below(key);
        let Some(node) = self.take(key) else {
            self.unset(key);
            return None;
        };
        let read = scalar(&node.value).and_then(|text| T::read(&text, &self.reader.around));
        self.note(path, node.origin, read, T::EXPECTED, T::show)
    }

    /// A value that must be there.
    pub(super) fn required<T: Setting>(&mut self, key: &'static str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            self.missing(key, T::EXPECTED);
            return None;
        }
        self.optional(key)
    }

    /// A value with a default.
    pub(super) fn or<T: Setting>(&mut self, key: &'static str, default: T) -> T {
        if self.table.contains_key(key) {
            return self.optional(key).unwrap_or(default);
        }
        self.known.push(key);
        let path = self.below(key);
        self.reader.shown.push(Shown { path, value: default.show(), origin: Origin::Default });
        default
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &'static str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        self.known.push(key);
        let path = self.below(key);
        let Some(node) = self.table.remove(key) else {
            self.reader.shown.push(Shown { path, value: default.to_string(), origin: Origin::Default });
            return default;
        };
        let given = match &node.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        };
        let expected = format!("eine ganze Zahl von {} bis {}", bounds.start(), bounds.end());
        let given = given.filter(|number| bounds.contains(number));
        self.note(path, node.origin, given, &expected, u64::to_string).unwrap_or(default)
    }

    /// Yes or no.
    pub(super) fn switch(&mut self, key: &'static str, default: bool) -> bool {
        self.known.push(key);
        let path = self.below(key);
        let Some(node) = self.table.remove(key) else {
            self.reader.shown.push(Shown { path, value: default.to_string(), origin: Origin::Default });
            return default;
        };
        let given = match &node.value {
            Value::Boolean(truth) => Some(*truth),
            Value::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.note(path, node.origin, given, "`true` oder `false`", bool::to_string).unwrap_or(default)
    }

    /// A list of values; empty where the key is missing.
    pub(super) fn list<T: Setting>(&mut self, key: &'static str) -> Vec<T> {
        let Some(node) = self.take(key) else {
            self.unset(key);
            return Vec::new();
        };
        let Value::List(items) = node.value else {
            self.wrong(self.below(key), node.origin, "eine Liste");
            return Vec::new();
        };
        if items.is_empty() {
            let shown = Shown { path: self.below(key), value: "(leer)".to_owned(), origin: node.origin };
            self.reader.shown.push(shown);
        }
        let mut read = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{}.{index}", self.below(key));
            let value = scalar(&item.value).and_then(|text| T::read(&text, &self.reader.around));
            read.extend(self.note(path, item.origin, value, T::EXPECTED, T::show));
        }
        read
    }

    /// A list of values where its key is given. An empty one is refused: it is not clear whether it means all or none.
    pub(super) fn list_if_given<T: Setting>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let given = self.table.contains_key(key);
        if matches!(self.table.get(key), Some(Node { value: Value::List(items), .. }) if items.is_empty()) {
            self.refuse(key, "ist leer; ohne diesen Schlüssel gilt alles");
        }
        let list = self.list(key);
        given.then_some(list)
    }

    /// A list of values with a default for a missing key.
    pub(super) fn list_or<T: Setting>(&mut self, key: &'static str, default: Vec<T>) -> Vec<T> {
        if self.table.contains_key(key) {
            return self.list(key);
        }
        self.known.push(key);
        let value = default.iter().map(T::show).collect::<Vec<_>>().join(", ");
        let path = self.below(key);
        self.reader.shown.push(Shown { path, value, origin: Origin::Default });
        default
    }

    /// A table; empty where the key is missing.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'_> {
        let path = self.below(key);
        let (table, origin) = match self.take(key) {
            Some(Node { value: Value::Table(table), origin }) => (table, origin),
            Some(Node { origin, .. }) => {
                self.wrong(path.clone(), origin.clone(), "eine Tabelle");
                (Table::new(), origin)
            }
            None => (Table::new(), self.origin.clone()),
        };
        Section { reader: self.reader, path, origin, table, known: Vec::new() }
    }

    /// Reads each table of a list of tables.
    pub(super) fn sections<T>(&mut self, key: &'static str, mut read: impl FnMut(Section<'_>) -> Option<T>) -> Vec<T> {
        let path = self.below(key);
        let Some(node) = self.take(key) else { return Vec::new() };
        let Value::List(items) = node.value else {
            self.wrong(path, node.origin, &format!("eine Liste von Tabellen (`[[{key}]]`)"));
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, Node { value, origin }) in items.into_iter().enumerate() {
            let path = format!("{path}.{index}");
            let Value::Table(table) = value else {
                self.wrong(path, origin, "eine Tabelle");
                continue;
            };
            all.extend(read(Section { reader: self.reader, path, origin, table, known: Vec::new() }));
        }
        all
    }

    /// Shows a key that nobody set.
    pub(super) fn unset(&mut self, key: &str) {
        let path = self.below(key);
        self.reader.shown.push(Shown::unset(path));
    }

    /// Whether the section was given at all, as far as it is not read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Notes something wrong with one key of this section.
    pub(super) fn refuse(&mut self, key: &str, what: impl Into<String>) {
        let problem = Problem { origin: self.origin.clone(), path: self.below(key), what: what.into() };
        self.reader.problems.push(problem);
    }

    /// The section for somebody who reads it as a whole: where to note things, its path and origin, and what stands in it.
    pub(super) fn into_parts(self) -> (&'r mut Reader, String, Origin, Table) {
        (self.reader, self.path, self.origin, self.table)
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) {
        for (key, node) in self.table {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            let what = match nearest(&key, self.known.iter().copied()) {
                Some(known) => format!("ist unbekannt; gemeint ist wohl `{known}`"),
                None => format!("ist unbekannt; hier gibt es {}", self.known.join(", ")),
            };
            self.reader.problems.push(Problem { origin: node.origin, path, what });
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn missing(&mut self, key: &str, expected: &str) {
        self.refuse(key, format!("fehlt; es muss {expected} sein"));
    }

    fn wrong(&mut self, path: String, origin: Origin, expected: &str) {
        self.reader.problems.push(Problem { origin, path, what: format!("muss {expected} sein") });
    }

    fn note<T>(
        &mut self,
        path: String,
        origin: Origin,
        read: Option<T>,
        expected: &str,
        show: impl Fn(&T) -> String,
    ) -> Option<T> {
        match &read {
            Some(value) => self.reader.shown.push(Shown { path, value: show(value), origin }),
            None => self.wrong(path, origin, expected),
        }
        read
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Untyped(text) | Value::Date(text) => Some(text.clone()),
        _ => None,
    }
}
