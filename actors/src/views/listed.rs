//! One case as the work list keeps it: the folded case without what only its own page shows, and its words.

use ozg_protocols::{
    application::{Application, Form, FormValue, RawReference, SenderReferences},
    case::{Case, Recorded},
    ids::CaseId,
    work_list::Row,
};
use serde::{Deserialize, Serialize};

use super::words;

/// A listed case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) case: Case,
    pub(super) version: u64,
    pub(super) title: String,
    pub(super) applicant: Option<String>,
    pub(super) service: String,
    files: u32,
    pub(super) words: String,
}

impl Listed {
    /// The listed case after one more event; nothing before it was received.
    pub(super) fn apply(listed: Option<Self>, recorded: &Recorded) -> Option<Self> {
        let Some(mut listed) = listed else {
            return Case::apply(None, recorded).map(Self::received);
        };
        let mut case = Case::apply(Some(listed.case), recorded)?;
        if let Some(comment) = case.comments.last_mut() {
            comment.text.clear();
        }
        listed.case = case;
        listed.version += 1;
        Some(listed)
    }

    fn received(mut case: Case) -> Self {
        let application = &case.application;
        let applicant = application.applicant.as_ref().and_then(|applicant| applicant.display_name());
        let title = application.title().to_owned();
        let mut text = String::new();
        words::add(&mut text, case.number.as_str());
        words::add(&mut text, &title);
        words::add(&mut text, applicant.as_deref().unwrap_or_default());
        application.form.for_each_value(&mut |item| match &item.value {
            FormValue::Text(value) | FormValue::Number(value) | FormValue::Date(value) => words::add(&mut text, value),
            FormValue::Empty | FormValue::Flag(_) | FormValue::Group(_) => {}
        });
        let files = u32::try_from(application.files().count()).unwrap_or(u32::MAX);
        let service = application.service.identifier.clone();
        strip(&mut case.application);
        Self { case, version: 1, title, applicant, service, files, words: text }
    }

    /// As the list shows it.
    pub(super) fn row(&self, id: CaseId) -> Row {
        let case = &self.case;
        Row {
            case: id,
            version: self.version,
            number: case.number.clone(),
            title: self.title.clone(),
            applicant: self.applicant.clone(),
            status: case.status,
            since: case.since,
            received: case.received,
            changed: case.changed,
            assignee: case.assignee.clone(),
            org_unit: case.org_unit.clone(),
            files: self.files,
            comments: u32::try_from(case.comments.len()).unwrap_or(u32::MAX),
        }
    }
}

/// What only the case's own page shows goes; the channel, the service and the names of its raw parts stay.
fn strip(application: &mut Application) {
    application.applicant = None;
    application.form.items = Vec::new();
    application.representations = Vec::new();
    application.attachments = Vec::new();
    application.payment = None;
    application.data_sets = Vec::new();
    application.reply = None;
    application.references = SenderReferences::default();
    application.author = None;
    application.raw = RawReference { intake: application.raw.intake, blobs: Vec::new() };
    let Form { id, name, schema, .. } = &mut application.form;
    (*id, *name, *schema) = (None, None, None);
}
