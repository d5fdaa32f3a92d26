//! The application (Antrag): the one model that every intake format becomes.
//!
//! It can carry what FIT-Connect metadata 1.x and 2.x and the OZG-Cloud form format carry; what a channel does not know
//! stays `None` or empty. Files are named here and lie in the blob store. The types are part of event schema 2; those of
//! schema 1 are frozen in [`v1`]. Once released, they are never changed, only followed by a next version.

mod applicant;
mod delivery;
mod excerpt;
mod file;
mod form;
pub mod v1;
mod whole;

use serde::{Deserialize, Serialize};

pub use applicant::{Address, Applicant, Contact, LegalPerson, NaturalPerson, PostboxAddress, PostboxKind};
pub use delivery::{
    Author, Channel, DataSet, Payment, PaymentMethod, PaymentStatus, Product, RawReference, ReplyChannel,
    SenderReferences, ServiceAccount,
};
pub use excerpt::Cut;
pub use file::{Attachment, Purpose, SignatureNote};
pub use form::{DataCheck, Form, FormItem, FormValue};
pub use whole::Whole;

use crate::{
    ids::{OrgUnitId, RegionKey, ServiceKey},
    moment::Moment,
};

/// One application, whatever way it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// The way it came.
    pub channel: Channel,
    /// What is applied for.
    pub service: Service,
    /// Where it is applied for.
    pub region: Option<RegionKey>,
    /// The org unit that the sender believes to be responsible (`zustaendigeStelle`).
    pub responsible: Option<OrgUnitId>,
    /// Who applies; `None` when no mapping names them ("nicht erkannt").
    pub applicant: Option<Applicant>,
    /// What was filled in.
    pub form: Form,
    /// The form as the applicant saw it, rendered (usually a PDF).
    pub representations: Vec<Attachment>,
    /// What was handed in with it.
    pub attachments: Vec<Attachment>,
    /// What was paid.
    pub payment: Option<Payment>,
    /// Identity proofs and other structured data beside the form.
    pub data_sets: Vec<DataSet>,
    /// Where an answer may go.
    pub reply: Option<ReplyChannel>,
    /// How the sender calls it.
    pub references: SenderReferences,
    /// The software that sent it.
    pub author: Option<Author>,
    /// Where the submission lies as it came.
    pub raw: RawReference,
    /// The service keys that the form itself names (`leikaIds`), as sent.
    pub services: Vec<String>,
    /// The region as sent, where it is no region key.
    pub region_text: Option<String>,
    /// The service account that the sender says was used (`serviceKonto`).
    pub account: Option<ServiceAccount>,
    /// The schema of what the sender says about the application (`$schema` of FIT-Connect metadata).
    pub metadata_schema: Option<String>,
    /// When its sender handed it over, by the clock of the channel.
    pub submitted: Option<Moment>,
    /// Where it lies whole, if this is an excerpt.
    pub whole: Whole,
}

/// A public service (Leistung).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service {
    /// The identifier as sent, for example `urn:de:fim:leika:leistung:99050012104000`.
    pub identifier: String,
    /// The LeiKa key in it, if it is one.
    pub key: Option<ServiceKey>,
    /// Its name as sent.
    pub name: Option<String>,
    /// In words, as sent.
    pub description: Option<String>,
}

impl Application {
    /// The least that an application is: it came this way, for this service, and lies there as it came.
    #[must_use]
    pub fn new(channel: Channel, service: Service, raw: RawReference) -> Self {
        Self {
            channel,
            service,
            region: None,
            responsible: None,
            applicant: None,
            form: Form::default(),
            representations: Vec::new(),
            attachments: Vec::new(),
            payment: None,
            data_sets: Vec::new(),
            reply: None,
            references: SenderReferences::default(),
            author: None,
            raw,
            services: Vec::new(),
            region_text: None,
            account: None,
            metadata_schema: None,
            submitted: None,
            whole: Whole::default(),
        }
    }

    /// A short name for lists: the service's name, the form's, or the identifier.
    #[must_use]
    pub fn title(&self) -> &str {
        let given = |name: &'_ Option<String>| name.as_deref().map(str::trim).is_some_and(|name| !name.is_empty());
        if given(&self.form.name) {
            self.form.name.as_deref().unwrap_or_default()
        } else if given(&self.service.name) {
            self.service.name.as_deref().unwrap_or_default()
        } else {
            &self.service.identifier
        }
    }

    /// Every file that came with the application: representations first.
    pub fn files(&self) -> impl Iterator<Item = &Attachment> {
        self.representations.iter().chain(&self.attachments)
    }

    /// Every file that lies in the blob store because of it.
    pub fn stored_files(&self) -> impl Iterator<Item = &Attachment> {
        self.files().chain(self.whole.files())
    }
}
