//! The orders: every command behind one type, with the permission each needs.

use super::{
    Accept, Act, Action, AddComment, Assign, Case, Command, Discard, Event, FetchBack, NoteReceipt, PutBack, Receive,
    Refusal, StartWork, Status,
};
use crate::principal::{Permission, Principal};

/// Any command on a case, one variant for each file.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Eingang.
    Receive(Receive),
    /// Annehmen.
    Accept(Accept),
    /// Bearbeiten.
    StartWork(StartWork),
    /// Zurückstellen.
    PutBack(PutBack),
    /// Verwerfen.
    Discard(Discard),
    /// Zurückholen.
    FetchBack(FetchBack),
    /// Zuweisen, freigeben.
    Assign(Assign),
    /// Kommentieren.
    Comment(AddComment),
    /// What became of the signed acceptance.
    NoteReceipt(NoteReceipt),
}

/// The principal must not give this order on this case. A case that must not be seen is told apart from none by nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorised {
    /// The principal may not even see the case.
    #[error("there is no such case")]
    Invisible,
    /// The principal sees the case, but may not do this.
    #[error("the role does not allow this")]
    Forbidden,
}

macro_rules! every_command {
    ($order:expr, $command:pat => $body:expr) => {
        match $order {
            Order::Receive($command) => $body,
            Order::Accept($command) => $body,
            Order::StartWork($command) => $body,
            Order::PutBack($command) => $body,
            Order::Discard($command) => $body,
            Order::FetchBack($command) => $body,
            Order::Assign($command) => $body,
            Order::Comment($command) => $body,
            Order::NoteReceipt($command) => $body,
        }
    };
}

impl Order {
    /// What happens if it is carried out now, or why it is not.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn decide(self, case: Option<&Case>, act: &Act) -> Result<Vec<Event>, Refusal> {
        every_command!(self, command => command.decide(case, act))
    }

    /// Whether this event, had it happened since the sender looked, makes the order stale.
    #[must_use]
    pub fn minds(&self, event: &Event) -> bool {
        fn minds<C: Command>(_: &C, event: &Event) -> bool {
            C::minds(event)
        }
        every_command!(self, command => minds(command, event))
    }

    /// Whether it only notes what became of something that was done before: it passes also where there is no room for
    /// anything new (law 9).
    #[must_use]
    pub const fn is_acknowledgement(&self) -> bool {
        matches!(self, Self::NoteReceipt(_))
    }

    /// The permission it needs; `None` where no person gives it.
    #[must_use]
    pub const fn needs(&self) -> Option<Permission> {
        match self {
            Self::Receive(_) | Self::NoteReceipt(_) => None,
            Self::Assign(_) => Some(Permission::AssignCases),
            Self::Accept(_)
            | Self::StartWork(_)
            | Self::PutBack(_)
            | Self::Discard(_)
            | Self::FetchBack(_)
            | Self::Comment(_) => Some(Permission::WorkOnCases),
        }
    }

    /// Whether this principal may give this order on this case.
    ///
    /// # Errors
    /// [`Unauthorised`], which says whether the case may be seen at all.
    pub fn authorise(&self, principal: &Principal, case: &Case) -> Result<(), Unauthorised> {
        if !case.visible_to(principal) {
            return Err(Unauthorised::Invisible);
        }
        let allowed = self.needs().is_some_and(|permission| case.allows(principal, permission));
        if allowed { Ok(()) } else { Err(Unauthorised::Forbidden) }
    }
}

impl Case {
    /// Whether this principal may see the case.
    #[must_use]
    pub fn visible_to(&self, principal: &Principal) -> bool {
        self.allows(principal, Permission::ReadCases)
    }

    /// The steps along the table that this principal may take now and that this version can carry out.
    #[must_use]
    pub fn steps_for(&self, principal: &Principal) -> Vec<Action> {
        if !self.allows(principal, Permission::WorkOnCases) {
            return Vec::new();
        }
        self.status.actions().filter(|action| Order::step(*action).is_some()).collect()
    }

    /// Whether this permission of the principal covers the case. One without a unit counts as of the unit of whoever the
    /// mailroom has put in charge: nobody else could work on it.
    #[must_use]
    pub fn allows(&self, principal: &Principal, permission: Permission) -> bool {
        let in_charge = || self.assignee.as_ref().is_some_and(|person| person.user == principal.user);
        principal.reaches(permission, self.org_unit.as_ref(), self.status == Status::New)
            || (self.org_unit.is_none() && principal.reach(permission).own_units && in_charge())
    }
}

impl Order {
    /// The order that takes this step, where a plain command does.
    #[must_use]
    pub const fn step(action: Action) -> Option<Self> {
        match action {
            Action::Accept => Some(Self::Accept(Accept)),
            Action::StartWork => Some(Self::StartWork(StartWork)),
            Action::PutBack => Some(Self::PutBack(PutBack)),
            Action::Discard => Some(Self::Discard(Discard)),
            Action::FetchBack => Some(Self::FetchBack(FetchBack)),
            Action::Forward
            | Action::Decide
            | Action::Close
            | Action::WorkAgain
            | Action::Reopen
            | Action::MarkForDeletion => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        case::scenario::{assigned_to, given, in_unit, received},
        ids::OrgUnitId,
        principal::Role,
    };

    fn principal(role: Role, unit: &str) -> Principal {
        let unit: OrgUnitId = unit.parse().expect("valid");
        let user = "erika".parse().expect("valid");
        Principal { user, name: "Erika".into(), roles: [role].into(), org_units: [unit].into() }
    }

    fn case_in(unit: &str) -> Case {
        given([in_unit(unit)]).case().expect("received")
    }

    #[test]
    fn a_case_of_another_unit_is_not_there() {
        let verdict = Order::Accept(Accept).authorise(&principal(Role::Caseworker, "33"), &case_in("32"));
        assert_eq!(verdict, Err(Unauthorised::Invisible));
    }

    #[test]
    fn a_case_without_a_unit_is_there_for_whoever_is_in_charge() {
        let case = given([received(), assigned_to("erika")]).case().expect("received");
        let (erika, rita) = (principal(Role::Caseworker, "32"), principal(Role::Mailroom, "1"));
        let max = Principal { user: "max".parse().expect("valid"), ..erika.clone() };
        assert_eq!(Order::Accept(Accept).authorise(&erika, &case), Ok(()));
        assert_eq!(Order::Accept(Accept).authorise(&max, &case), Err(Unauthorised::Invisible));
        assert_eq!(Order::Accept(Accept).authorise(&rita, &case), Err(Unauthorised::Forbidden));
    }

    #[test]
    fn the_mailroom_may_assign_but_not_accept() {
        let (rita, case) = (principal(Role::Mailroom, "1"), case_in("32"));
        assert_eq!(Order::Assign(Assign(None)).authorise(&rita, &case), Ok(()));
        assert_eq!(Order::Accept(Accept).authorise(&rita, &case), Err(Unauthorised::Forbidden));
    }

    #[test]
    fn no_person_notes_receipts() {
        let order = Order::NoteReceipt(NoteReceipt(crate::case::ReceiptState::Delivered));
        assert_eq!(order.authorise(&principal(Role::Caseworker, "32"), &case_in("32")), Err(Unauthorised::Forbidden));
    }

    #[test]
    fn only_steps_that_can_be_taken_are_offered() {
        let erika = principal(Role::Caseworker, "32");
        assert_eq!(case_in("32").steps_for(&erika), [Action::Accept, Action::Discard]);
        assert_eq!(given([received()]).case().expect("received").steps_for(&erika), []);
    }
}
