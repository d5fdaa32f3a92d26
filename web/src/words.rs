//! The German words of the house (glossary): one place for how statuses, actions, refusals and reasons are called.
//!
//! Nothing is decided here; whoever asks has the value already.

use ozg_protocols::{
    application::{Channel, PaymentMethod, PaymentStatus, PostboxKind, Purpose, ReplyChannel},
    case::{Action, By, Event, Person, ReceiptState, Refusal, Status},
    intake::ClearingReason,
    work_list::{SortBy, View},
};

/// How a status is called.
#[must_use]
pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::New => "Neu",
        Status::Accepted => "Angenommen",
        Status::InProgress => "In Bearbeitung",
        Status::Decided => "Beschieden",
        Status::Closed => "Abgeschlossen",
        Status::Discarded => "Verworfen",
        Status::Forwarded => "Weitergeleitet",
        Status::ToBeDeleted => "Zu löschen",
    }
}

/// The word on the button.
#[must_use]
pub(crate) const fn action(action: Action) -> &'static str {
    match action {
        Action::Accept => "Annehmen",
        Action::Discard => "Verwerfen",
        Action::Forward => "Weiterleiten",
        Action::FetchBack => "Zurückholen",
        Action::StartWork => "Bearbeiten",
        Action::PutBack => "Zurückstellen",
        Action::Decide => "Bescheiden",
        Action::Close => "Abschließen",
        Action::WorkAgain => "Wieder bearbeiten",
        Action::Reopen => "Wiedereröffnen",
        Action::MarkForDeletion => "Zum Löschen markieren",
    }
}

/// The action as it stands in an address (`/vorgang/…/annehmen`).
#[must_use]
pub(crate) const fn action_path(action: Action) -> &'static str {
    match action {
        Action::Accept => "annehmen",
        Action::Discard => "verwerfen",
        Action::Forward => "weiterleiten",
        Action::FetchBack => "zurueckholen",
        Action::StartWork => "bearbeiten",
        Action::PutBack => "zurueckstellen",
        Action::Decide => "bescheiden",
        Action::Close => "abschliessen",
        Action::WorkAgain => "wieder-bearbeiten",
        Action::Reopen => "wiedereroeffnen",
        Action::MarkForDeletion => "zum-loeschen-markieren",
    }
}

/// What a caseworker reads after it happened.
#[must_use]
pub(crate) const fn done(action: Action) -> &'static str {
    match action {
        Action::Accept => "Der Vorgang ist angenommen.",
        Action::Discard => "Der Vorgang ist verworfen. Er lässt sich zurückholen.",
        Action::Forward => "Der Vorgang ist weitergeleitet.",
        Action::FetchBack => "Der Vorgang ist zurückgeholt und wieder neu.",
        Action::StartWork => "Der Vorgang ist in Bearbeitung.",
        Action::PutBack => "Der Vorgang ist zurückgestellt.",
        Action::Decide => "Der Vorgang ist beschieden.",
        Action::Close => "Der Vorgang ist abgeschlossen.",
        Action::WorkAgain | Action::Reopen => "Der Vorgang ist wieder in Bearbeitung.",
        Action::MarkForDeletion => "Der Vorgang ist zum Löschen markiert.",
    }
}

/// Why an order was refused.
#[must_use]
pub(crate) fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotPossible { action: wanted, status: stands } => format!(
            "„{}“ ist im Status „{}“ nicht möglich. Bitte prüfen Sie den aktuellen Stand des Vorgangs.",
            action(*wanted),
            status(*stands)
        ),
        Refusal::NothingToDo => "Es hat sich nichts geändert: Der Vorgang steht bereits so.".to_owned(),
        Refusal::NoSuchCase => "Diesen Vorgang gibt es nicht.".to_owned(),
        Refusal::ExistsAlready => "Diesen Vorgang gibt es bereits.".to_owned(),
        Refusal::BadText => "Der Text ist leer oder zu lang. Erlaubt sind 1 bis 10.000 Zeichen.".to_owned(),
    }
}

/// The heading of an event in the history.
#[must_use]
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Received { application, .. } => format!("Eingegangen über {}", channel(&application.channel)),
        Event::StatusChanged { action, to } => match action {
            Action::PutBack => format!("Zurückgestellt auf „{}“", status(*to)),
            Action::FetchBack => "Zurückgeholt".to_owned(),
            _ => status(*to).to_owned(),
        },
        Event::Assigned { to: Some(person) } => format!("Zugewiesen an {}", person.name),
        Event::Assigned { to: None } => "Freigegeben".to_owned(),
        Event::Commented { .. } => "Kommentar geschrieben".to_owned(),
        Event::ReceiptNoted { state } => receipt(*state).to_owned(),
    }
}

/// How the signed acceptance stands.
#[must_use]
pub(crate) const fn receipt(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::NotNeeded => "Keine Empfangsbestätigung nötig",
        ReceiptState::Pending => "Empfangsbestätigung wird zugestellt",
        ReceiptState::Delivered => "Empfangsbestätigung zugestellt",
        ReceiptState::Foreign => "Am Zustelldienst liegt eine fremde Empfangsbestätigung",
        ReceiptState::Refused => "Der Zustelldienst nimmt die Empfangsbestätigung nicht an",
    }
}

/// Who did it.
#[must_use]
pub(crate) fn by(by: &By) -> &str {
    match by {
        By::Person(Person { name, .. }) => name,
        By::System => "System",
    }
}

/// The way an application came.
#[must_use]
pub(crate) fn channel(channel: &Channel) -> &str {
    match channel {
        Channel::FitConnect { .. } => "FIT-Connect",
        Channel::Xta { .. } => "XTA",
        Channel::FormVendor { vendor, .. } => vendor,
    }
}

/// Where an answer may go.
#[must_use]
pub(crate) fn reply_channel(reply: &ReplyChannel) -> &str {
    match reply {
        ReplyChannel::Email { .. } => "E-Mail",
        ReplyChannel::DeMail { .. } => "De-Mail",
        ReplyChannel::Fink { .. } => "FINK-Postfach",
        ReplyChannel::Elster { .. } => "ELSTER-Postfach",
        ReplyChannel::FitConnect { .. } => "FIT-Connect",
        ReplyChannel::BundIdMailbox { .. } => "BundID-Postfach",
        ReplyChannel::Other { name, .. } => name,
    }
}

/// A service account.
#[must_use]
pub(crate) fn postbox(kind: &PostboxKind) -> &str {
    match kind {
        PostboxKind::Osi => "OSI-Postfach",
        PostboxKind::BayernId => "BayernID-Postfach",
        PostboxKind::BundId => "BundID-Postfach",
        PostboxKind::BusinessAccount => "Mein Unternehmenskonto",
        PostboxKind::Fink => "FINK-Postfach",
        PostboxKind::Other(name) => name,
    }
}

/// What a file is for.
#[must_use]
pub(crate) const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Form => "Antrag",
        Purpose::Attachment => "Anlage",
        Purpose::Report => "Bericht",
        Purpose::Data => "Formulardaten",
    }
}

/// How something was paid.
#[must_use]
pub(crate) const fn payment_method(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Giropay => "giropay",
        PaymentMethod::Paydirect => "paydirekt",
        PaymentMethod::CreditCard => "Kreditkarte",
        PaymentMethod::Paypal => "PayPal",
        PaymentMethod::Invoice => "Rechnung",
        PaymentMethod::Other => "andere Zahlungsart",
    }
}

/// What became of a payment.
#[must_use]
pub(crate) const fn payment_status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Initial => "begonnen",
        PaymentStatus::Booked => "gebucht",
        PaymentStatus::Failed => "fehlgeschlagen",
        PaymentStatus::Cancelled => "abgebrochen",
    }
}

/// Why a person has to look at a clearing item: what it is, and what to do.
#[must_use]
pub(crate) const fn clearing(reason: &ClearingReason) -> (&'static str, &'static str) {
    match reason {
        ClearingReason::FailedThreeTimes => (
            "Dreimal nicht lesbar",
            "Die Einreichung ließ sich dreimal nicht öffnen und bleibt verschlossen. Bitte prüfen Sie die Schlüssel des \
             Zustellpunkts und versuchen Sie es danach erneut.",
        ),
        ClearingReason::NoResponsibleUnit => (
            "Keine Zuständigkeit gefunden",
            "Die Einreichung ist angenommen, aber keine Regel nennt eine Organisationseinheit. Bitte öffnen Sie den \
             Vorgang und weisen Sie ihn zu; damit ist der Klärungsfall erledigt. Neue Zuständigkeitsregeln gelten für \
             künftige Einreichungen.",
        ),
        ClearingReason::NotMapped => (
            "Formular nicht erkannt",
            "Die Einreichung ist angenommen, aber ihre Daten ließen sich nicht als Formular lesen. Bitte öffnen Sie \
             den Vorgang und weisen Sie ihn zu; damit ist der Klärungsfall erledigt. Eine Zuordnung für dieses Formular \
             gilt für künftige Einreichungen.",
        ),
        ClearingReason::ForeignVerdict => (
            "Fremde Antwort am Zustelldienst",
            "Der Zustelldienst zeigt eine Antwort, die nicht von hier stammt. Bitte klären Sie mit dem Betrieb, wer den \
             Zustellpunkt noch benutzt.",
        ),
        ClearingReason::TooLong => (
            "Zu umfangreich",
            "Die Einreichung ist in Ordnung, hat aber mehr Anlagen, als ein Vorgang aufnimmt. Sie ist weder angenommen noch \
             zurückgewiesen. Bitte wenden Sie sich an den Betrieb und bitten Sie den Absender, sie in Teilen zu senden.",
        ),
        ClearingReason::VerdictRefused => (
            "Antwort vom Zustelldienst abgelehnt",
            "Der Zustelldienst nimmt die Annahme oder Zurückweisung dieser Einreichung nicht an; der Absender weiß noch \
             nichts davon. Bitte lassen Sie den Betrieb Zustellpunkt und Signaturschlüssel prüfen und senden Sie die \
             Antwort danach erneut.",
        ),
        ClearingReason::TooLarge => (
            "Zu lang für den Abruf",
            "Die Einreichung oder ihr Ereignisprotokoll ist länger, als hier abgerufen wird. Sie liegt ungeöffnet beim \
             Zustelldienst, der Absender weiß noch nichts davon. Bitte lassen Sie den Betrieb die Grenze für Abrufe anheben \
             und versuchen Sie es danach erneut; ohne das ändert sich nichts.",
        ),
    }
}

/// What trying a clearing item again is called.
#[must_use]
pub(crate) const fn clearing_retry(reason: &ClearingReason) -> &'static str {
    match reason {
        ClearingReason::VerdictRefused => "Erneut senden",
        _ => "Erneut versuchen",
    }
}

/// What a view is called.
#[must_use]
pub(crate) const fn view(view: View) -> &'static str {
    match view {
        View::Mine => "Meine Vorgänge",
        View::Unassigned => "Nicht zugewiesen",
        View::All => "Alle Vorgänge",
    }
}

/// The head of a column.
#[must_use]
pub(crate) const fn sort(by: SortBy) -> &'static str {
    match by {
        SortBy::Received => "Eingang",
        SortBy::Changed => "Geändert",
        SortBy::Applicant => "Antragsteller:in",
        SortBy::Number => "Nummer",
        SortBy::Status => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_own_address() {
        let all = Status::ALL.into_iter().flat_map(Status::actions);
        let mut paths: Vec<_> = all.map(|one| (action_path(one), action(one))).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut unique: Vec<_> = paths.iter().map(|(path, _)| path).collect();
        unique.dedup();
        assert_eq!(unique.len(), paths.len());
        assert!(paths.iter().all(|(path, _)| path.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')));
    }

    #[test]
    fn a_refusal_names_action_and_status_in_german() {
        let words = refusal(&Refusal::NotPossible { action: Action::Discard, status: Status::InProgress });
        assert!(words.starts_with("„Verwerfen“ ist im Status „In Bearbeitung“ nicht möglich."), "{words}");
    }
}
