//! Kommentieren: a note for colleagues. It never reaches the applicant.

use super::{Act, Case, Command, Event, Refusal, existing};
use crate::ids::CommentId;

/// The longest comment in characters.
pub const LONGEST_COMMENT: usize = 10_000;

/// Write a note on the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddComment {
    /// The new comment's id.
    pub id: CommentId,
    /// The text; blank space around it is dropped.
    pub text: String,
}

impl Command for AddComment {
    fn minds(_: &Event) -> bool {
        false
    }

    fn decide(self, case: Option<&Case>, _: &Act) -> Result<Vec<Event>, Refusal> {
        existing(case)?;
        let text = self.text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_COMMENT {
            return Err(Refusal::BadText);
        }
        Ok(vec![Event::Commented { id: self.id, text: text.to_owned() }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::scenario::{given, received};

    fn comment(text: &str) -> AddComment {
        AddComment { id: CommentId::from_u128(1), text: text.into() }
    }

    #[test]
    fn a_comment_is_kept_without_the_space_around_it() {
        let case = given([received()]).when(comment("  Mietvertrag fehlt \n")).by("erika").after();
        assert_eq!(case.comments[0].text, "Mietvertrag fehlt");
    }

    #[test]
    fn an_empty_or_endless_comment_is_refused() {
        given([received()]).when(comment(" \n ")).by("erika").refused(Refusal::BadText);
        given([received()]).when(comment(&"ä".repeat(LONGEST_COMMENT + 1))).by("erika").refused(Refusal::BadText);
    }

    #[test]
    fn nothing_makes_a_comment_stale() {
        assert!(!AddComment::minds(&received()));
    }
}
