//! A problem, as a reject event names it to the sender.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::AttachmentId;

/// What every type of problem that FITKO defines begins with.
pub const PREFIX: &str = "https://schema.fitko.de/fit-connect/events/problems/";

/// So many problems are told; more would tell nobody more.
const MOST: usize = 20;
/// So many characters of a detail are told.
const LONGEST_DETAIL: usize = 200;

/// The part of a submission that a problem is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Instance {
    /// The submission as a whole; also where an author names no part.
    #[default]
    Submission,
    /// Its metadata.
    Metadata,
    /// Its data.
    Data,
    /// One attachment.
    Attachment(AttachmentId),
    /// Anything else that somebody wrote there.
    Other(String),
}

impl fmt::Display for Instance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submission => out.write_str("submission"),
            Self::Metadata => out.write_str("metadata"),
            Self::Data => out.write_str("data"),
            Self::Attachment(id) => write!(out, "attachment:{id}"),
            Self::Other(text) => out.write_str(text),
        }
    }
}

impl FromStr for Instance {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let attachment = || text.strip_prefix("attachment:").and_then(|id| id.parse().ok()).map(Self::Attachment);
        Ok(match text {
            "submission" => Self::Submission,
            "metadata" => Self::Metadata,
            "data" => Self::Data,
            _ => attachment().unwrap_or_else(|| Self::Other(text.to_owned())),
        })
    }
}

impl Serialize for Instance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Ok(instance) = String::deserialize(from)?.parse();
        Ok(instance)
    }
}

/// One problem. `type` and `instance` are copied exactly from the documentation, `title` should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The URI of its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its German title.
    #[serde(default)]
    pub title: String,
    /// What exactly is wrong, in German, without personal data.
    #[serde(default)]
    pub detail: String,
    /// The part that it is about.
    #[serde(default)]
    pub instance: Instance,
}

/// What a reject event says of these problems. However much somebody has got wrong, it stays short enough to be recorded
/// and sent: the first [`MOST`] problems and the beginnings of their details, with a last word on how many more there are.
#[must_use]
pub fn told(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(MOST);
    problems.truncate(MOST);
    for problem in &mut problems {
        if let Some((end, _)) = problem.detail.char_indices().nth(LONGEST_DETAIL) {
            problem.detail.truncate(end);
            problem.detail.push('…');
        }
    }
    if let (Some(last), 1..) = (problems.last_mut(), more) {
        // The stages that collect end somewhere too.
        last.detail.push_str(&format!(" Mindestens {more} weitere Fehler sind nicht genannt."));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit_connect::verify::Check;

    #[test]
    fn of_many_problems_the_first_are_told_and_how_many_more_there_are() {
        let problems = |count: usize| vec![Check::MetadataSchema.problem("ä".repeat(1_000)); count];
        let short = format!("{}…", "ä".repeat(200));
        let details = |count| told(problems(count)).into_iter().map(|problem| problem.detail).collect::<Vec<_>>();
        assert_eq!(details(20), vec![short.clone(); 20]);
        let many = details(100);
        assert_eq!((many.len(), &many[..19]), (20, &vec![short.clone(); 19][..]));
        assert_eq!(many[19], format!("{short} Mindestens 80 weitere Fehler sind nicht genannt."));
        let good = Check::MetadataSyntax.problem("Die Metadaten sind kein gültiges JSON.");
        assert_eq!(told(vec![good.clone()]), [good]);
    }
}
