//! What is wrong with a configuration, said so that an operator can mend it: where, what, and what to do instead.

use std::fmt;

use super::origin::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub origin: Origin,
    /// The value it is about, as a dotted path (`tenant.0.slug`); empty when the whole file is meant.
    pub path: String,
    /// What is wrong, in German. Never holds a secret: secrets are named by file only.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.origin)?;
        if !self.path.is_empty() {
            write!(out, "`{}` ", self.path)?;
        }
        out.write_str(&self.what)
    }
}

/// Everything that is wrong, so that one run of `config check` names it all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s):\n{}", .0.len(), listed(.0))]
pub struct Problems(pub Vec<Problem>);

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}

/// The known word that was probably meant by an unknown one, if any is near.
pub(super) fn nearest<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let near = known.into_iter().map(|word| (strsim::jaro_winkler(unknown, word), word));
    near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(nearest("lisen", ["listen", "data_dir"]), Some("listen"));
        assert_eq!(nearest("banana", ["listen", "data_dir"]), None);
    }
}
