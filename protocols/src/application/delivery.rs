//! How an application came and what its sender says about it: channel, payment, references, ways to answer.

use serde::{Deserialize, Serialize};

use super::PostboxKind;
use crate::ids::{BlobId, DestinationId, FitCaseId, IntakeId, SubmissionId};

/// The way an application came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// A submission at one of our FIT-Connect destinations.
    FitConnect {
        /// Our address there.
        destination: DestinationId,
        /// The submission.
        submission: SubmissionId,
        /// The delivery service's case; further submissions may follow in it.
        case: FitCaseId,
    },
    /// An XTA message.
    Xta {
        /// Its message id.
        message_id: String,
    },
    /// A form vendor's post to our own intake.
    FormVendor {
        /// The vendor as configured.
        vendor: String,
        /// The vendor's transaction id.
        transaction_id: String,
    },
}

/// Where the submission lies as it came, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawReference {
    /// The intake stream that holds it.
    pub intake: IntakeId,
    /// Raw parts that were too large for the stream.
    pub blobs: Vec<BlobId>,
}

/// What was paid (`paymentInformation` of FIT-Connect metadata).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Reference of the payment transaction.
    pub transaction_reference: String,
    /// Id of the payment transaction.
    pub transaction_id: String,
    /// Where to look it up.
    pub transaction_url: Option<String>,
    /// When it happened, as sent.
    pub transaction_timestamp: Option<String>,
    /// How it was paid.
    pub method: PaymentMethod,
    /// More on how, in words.
    pub method_detail: Option<String>,
    /// Whether it arrived.
    pub status: PaymentStatus,
    /// Gross amount in euro as a decimal number, as sent.
    pub gross_amount: Option<String>,
}

/// How something was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentMethod {
    /// GIROPAY.
    Giropay,
    /// PAYDIRECT.
    Paydirect,
    /// CREDITCARD.
    CreditCard,
    /// PAYPAL.
    Paypal,
    /// INVOICE.
    Invoice,
    /// OTHER.
    Other,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// INITIAL.
    Initial,
    /// BOOKED.
    Booked,
    /// FAILED.
    Failed,
    /// CANCELED.
    Cancelled,
}

/// Where an answer may go (`replyChannel`: exactly one).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplyChannel {
    /// `eMail`.
    Email {
        /// Address.
        address: String,
        /// Public key for PGP, if given.
        pgp_public_key: Option<String>,
    },
    /// `deMail`.
    DeMail {
        /// Address.
        address: String,
    },
    /// `fink` (deprecated in 2.x).
    Fink {
        /// `finkPostfachRef`.
        postbox: String,
        /// Host.
        host: Option<String>,
    },
    /// `elster`.
    Elster {
        /// `accountId`.
        account: String,
        /// `lieferTicket`.
        delivery_ticket: Option<String>,
        /// `geschaeftszeichen`.
        reference: Option<String>,
    },
    /// `fitConnect` (2.x): replies encrypted to the sender.
    FitConnect {
        /// `processStandards` URIs.
        process_standards: Vec<String>,
        /// The sender's public key as a JWK document.
        encryption_public_key: String,
    },
    /// `idBundDeMailbox` (2.x).
    BundIdMailbox {
        /// `mailboxUuid`.
        mailbox: String,
    },
    /// One that the schemas allow and that nobody here knows.
    Other {
        /// Its name in the metadata.
        name: String,
        /// What stands there, as JSON.
        content: String,
    },
}

/// How the sender calls the application (`additionalReferenceInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SenderReferences {
    /// `senderReference`.
    pub sender_reference: Option<String>,
    /// `applicationDate` as sent.
    pub application_date: Option<String>,
    /// `idBundDeApplicationId`.
    pub bund_id_application: Option<String>,
    /// `zustimmungZumDigitalenBescheid`: a refusal is an explicit `false`.
    pub agrees_to_digital_decision: Option<bool>,
    /// `control.transactionId` of the OZG-Cloud form format.
    pub transaction_id: Option<String>,
}

/// Structured data beside the form: identity reports, proofs (`dataSets`, `authenticationInformation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSet {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// What it says it is (`schemaUri`, or `identificationReport` with its version).
    pub schema: String,
    /// Its media type as sent.
    pub media_type: Option<String>,
    /// In words.
    pub description: Option<String>,
    /// The content as sent; empty in an excerpt.
    pub content: String,
    /// SHA-512 of the content as the sender says; empty where it says none.
    #[serde(with = "serde_bytes")]
    pub sha512: Vec<u8>,
}

/// The service account that somebody applied with, as the sender tells it (`serviceKonto`); a part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// The service account, by the name it was sent with where it is none that we know.
    pub kind: PostboxKind,
    /// Trust level as sent.
    pub trust_level: Option<String>,
    /// The address of its postbox.
    pub identifier: Option<String>,
    /// Kind of holder as sent.
    pub holder: Option<String>,
}

/// The software that sent the application (`author`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Who runs it.
    pub name: String,
    /// In words.
    pub description: Option<String>,
    /// Where to read about it.
    pub url: Option<String>,
    /// What it is.
    pub product: Option<Product>,
}

/// A software product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who makes it.
    pub manufacturer: String,
    /// In words.
    pub description: Option<String>,
}
