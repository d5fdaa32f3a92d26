//! Which action leads from which status to which, as a table (glossary, "Statuses").

use serde::{Deserialize, Serialize};

use super::Refusal;

/// Where a case stands. "Wartet auf Antwort" is a derived mark, not a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// NEU.
    New,
    /// ANGENOMMEN.
    Accepted,
    /// IN_BEARBEITUNG.
    InProgress,
    /// BESCHIEDEN.
    Decided,
    /// ABGESCHLOSSEN.
    Closed,
    /// VERWORFEN.
    Discarded,
    /// WEITERGELEITET.
    Forwarded,
    /// ZU_LOESCHEN.
    ToBeDeleted,
}

/// What moves a case from status to status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// annehmen.
    Accept,
    /// verwerfen.
    Discard,
    /// weiterleiten.
    Forward,
    /// zurückholen.
    FetchBack,
    /// bearbeiten.
    StartWork,
    /// zurückstellen.
    PutBack,
    /// bescheiden.
    Decide,
    /// abschließen.
    Close,
    /// wieder bearbeiten.
    WorkAgain,
    /// wiedereröffnen.
    Reopen,
    /// zum Löschen markieren.
    MarkForDeletion,
}

use Action::*;
use Status::*;

/// The ways a case can go. The default of a tenant that has no table of its own. Taking a request for deletion back leads
/// to the status before it and a final deletion out of the table: both come with their own commands.
#[rustfmt::skip]
const TRANSITIONS: &[(Status, Action, Status)] = &[
    (New,        Accept,          Accepted),
    (New,        Discard,         Discarded),
    (New,        Forward,         Forwarded),
    (Discarded,  FetchBack,       New),
    (Accepted,   StartWork,       InProgress),
    (Accepted,   PutBack,         New),
    (InProgress, Decide,          Decided),
    (InProgress, PutBack,         Accepted),
    (InProgress, Close,           Closed),
    (Decided,    Close,           Closed),
    (Decided,    WorkAgain,       InProgress),
    (Closed,     Reopen,          InProgress),
    (Closed,     MarkForDeletion, ToBeDeleted),
    (Discarded,  MarkForDeletion, ToBeDeleted),
];

impl Status {
    /// All statuses, in the order of a case's life.
    pub const ALL: [Self; 8] = [New, Accepted, InProgress, Decided, Closed, Discarded, Forwarded, ToBeDeleted];

    /// The status's name in interfaces and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            New => "NEU",
            Accepted => "ANGENOMMEN",
            InProgress => "IN_BEARBEITUNG",
            Decided => "BESCHIEDEN",
            Closed => "ABGESCHLOSSEN",
            Discarded => "VERWORFEN",
            Forwarded => "WEITERGELEITET",
            ToBeDeleted => "ZU_LOESCHEN",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The status that the action leads to from here.
    ///
    /// # Errors
    /// [`Refusal::NotPossible`] where the table has no such way.
    pub fn after(self, action: Action) -> Result<Self, Refusal> {
        let way = TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (self, action));
        way.map(|(_, _, to)| *to).ok_or(Refusal::NotPossible { action, status: self })
    }

    /// What can be done from here.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        TRANSITIONS.iter().filter(move |(from, _, _)| *from == self).map(|(_, action, _)| *action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_leads_to_one_status_from_one_status() {
        for (index, (from, by, _)) in TRANSITIONS.iter().enumerate() {
            let again = TRANSITIONS[index + 1..].iter().any(|(other, action, _)| (other, action) == (from, by));
            assert!(!again, "{from:?} {by:?} twice");
        }
    }

    #[test]
    fn a_forwarded_case_goes_nowhere() {
        assert_eq!(Forwarded.actions().count(), 0);
    }

    #[test]
    fn every_status_has_one_name() {
        for status in Status::ALL {
            assert_eq!(Status::named(status.name()), Some(status));
        }
    }
}
