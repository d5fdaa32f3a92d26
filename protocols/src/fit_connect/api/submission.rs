//! Submissions: announced, submitted, listed, fetched.

use serde::{Deserialize, Serialize};

use crate::ids::{AttachmentId, DestinationId, FitCaseId, SubmissionId};

/// A public service as a sender names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// What it is called; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A few words on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its URN; see [`super::is_service_identifier`].
    pub identifier: String,
}

/// Where the sender wants to hear of new events, as he gives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCallback {
    /// An https URL.
    pub url: String,
    /// The secret that authenticates callbacks, 32 to 512 characters; never given out again.
    pub secret: String,
}

impl std::fmt::Debug for CreateCallback {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CreateCallback").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A callback as it is given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackUrl {
    /// Its URL.
    pub url: String,
}

/// `POST /submissions`: a sender announces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSubmission {
    /// Where it goes.
    pub destination_id: DestinationId,
    /// What will be uploaded: attachments or their fragments.
    pub announced_attachments: Vec<AttachmentId>,
    /// For which service.
    #[serde(alias = "publicService")]
    pub service_type: Service,
    /// For which region (version 2; free text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The case that it goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<FitCaseId>,
    /// Where the sender wants to hear of new events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CreateCallback>,
}

/// `201` to [`CreateSubmission`], and one entry of [`super::page::SubmissionsForPickup`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmissionIds {
    /// Where it goes.
    pub destination_id: DestinationId,
    /// Its id.
    pub submission_id: SubmissionId,
    /// The case that it belongs to.
    pub case_id: FitCaseId,
}

/// `201` to [`CreateSubmission`] as a sender reads it: version 2 is not known to repeat the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmissionCreated {
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_id: Option<DestinationId>,
    /// Its id.
    pub submission_id: SubmissionId,
    /// The case that it belongs to.
    pub case_id: FitCaseId,
}

/// `PUT /submissions/{id}`: a sender hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmitSubmission {
    /// Sealed metadata.
    pub encrypted_metadata: String,
    /// Sealed data; mandatory in version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_data: Option<String>,
}

/// `GET /submissions/{id}`: what the subscriber gets. Without the sealed parts it is the answer to [`SubmitSubmission`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// Where it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_id: Option<DestinationId>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission_id: Option<SubmissionId>,
    /// The case that it belongs to.
    pub case_id: FitCaseId,
    /// What was uploaded: attachments or their fragments.
    #[serde(default)]
    pub attachments: Vec<AttachmentId>,
    /// For which service.
    #[serde(default, alias = "publicService", skip_serializing_if = "Option::is_none")]
    pub service_type: Option<Service>,
    /// For which region (version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where the sender wants to hear of new events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackUrl>,
    /// Sealed metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_metadata: Option<String>,
    /// Sealed data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_data: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit_connect::api::{ApiVersion, to_json};

    #[test]
    fn an_announcement_is_read_under_both_names_and_written_under_the_right_one() {
        let v2 = r#"{"destinationId":"c2f1d0e4-1111-4222-8333-444455556666","announcedAttachments":[],
            "publicService":{"identifier":"urn:de:x","name":""},"unknown":1}"#;
        let v1 = v2.replace("publicService", "serviceType");
        let read: CreateSubmission = serde_json::from_str(v2).expect("version 2");
        assert_eq!(serde_json::from_str::<CreateSubmission>(&v1).expect("version 1"), read);
        let written = |version| to_json(&read, version).expect("JSON");
        assert!(written(ApiVersion::V1).contains(r#""serviceType":{"#));
        assert!(written(ApiVersion::V2).contains(r#""publicService":{"#));
    }

    #[test]
    fn nothing_is_written_as_null_and_lists_are_always_there() {
        let read: Submission =
            serde_json::from_str(r#"{"caseId":"1a2b3c4d-3333-4444-8555-666677778888","encryptedData":null}"#)
                .expect("the least there can be");
        let written = to_json(&read, ApiVersion::V2).expect("JSON");
        assert_eq!(written, r#"{"attachments":[],"caseId":"1a2b3c4d-3333-4444-8555-666677778888"}"#);
    }

    #[test]
    fn the_secret_of_a_callback_is_not_printed() {
        let callback = CreateCallback { url: "https://x".to_owned(), secret: "geheim".to_owned() };
        assert!(!format!("{callback:?}").contains("geheim"));
    }
}
