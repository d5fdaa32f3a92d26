//! Where an application lies whole that is too long for the record of its case.

use serde::{Deserialize, Serialize};

use super::Attachment;

/// Files that hold what of an application is only in excerpts here, exactly as it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Whole {
    /// The form data; `None` where the tree holds all of them.
    pub data: Option<Attachment>,
    /// What the sender says about the application (the metadata); `None` where all of it is here.
    pub metadata: Option<Attachment>,
}

impl Whole {
    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Attachment> {
        self.data.iter().chain(&self.metadata)
    }
}
