//! Where uploads lie: small ones in memory, large ones in a temporary file that goes when the last reader is done.
//!
//! An upload is looked at while it passes ([`super::seal::Scan`]) and never whole in memory.

use std::{fmt, io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http_body_util::BodyExt;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::{
    call::Sent,
    problem::Problem,
    seal::{Scan, Seal},
};

/// Uploads up to this size stay in memory.
const IN_MEMORY: usize = 1024 * 1024;

/// An upload.
#[derive(Clone)]
pub(super) enum Stored {
    InMemory(Bytes),
    OnDisk { path: Arc<TempPath>, length: u64 },
}

impl fmt::Debug for Stored {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InMemory(bytes) => write!(out, "InMemory({} bytes)", bytes.len()),
            Self::OnDisk { length, .. } => write!(out, "OnDisk({length} bytes)"),
        }
    }
}

/// Takes uploads in.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    /// Where temporary files are made; `None` is the directory of the system.
    pub(super) directory: Option<PathBuf>,
    /// Largest upload in bytes.
    pub(super) largest: u64,
}

impl Spool {
    /// Takes a body in and says what it is sealed with.
    pub(super) async fn take(&self, mut body: Sent, announced: Option<u64>) -> Result<(Stored, Seal), Problem> {
        if announced.is_some_and(|length| length > self.largest) {
            return Err(self.too_large());
        }
        let (mut memory, mut file, mut length) = (Vec::new(), None, 0_u64);
        let mut scan = Scan::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::bad_request("the request body ended early"))?;
            let Ok(data) = frame.into_data() else { continue };
            length += data.len() as u64;
            if length > self.largest {
                return Err(self.too_large());
            }
            scan.push(&data)?;
            if file.is_none() && memory.len() + data.len() > IN_MEMORY {
                let (mut started, path) = self.start().map_err(broken)?;
                started.write_all(&memory).await.map_err(broken)?;
                memory = Vec::new();
                file = Some((started, path));
            }
            match &mut file {
                Some((file, _)) => file.write_all(&data).await.map_err(broken)?,
                None => memory.extend_from_slice(&data),
            }
        }
        let seal = scan.finish()?;
        let stored = match file {
            None => Stored::InMemory(Bytes::from(memory)),
            Some((mut file, path)) => {
                file.flush().await.map_err(broken)?;
                Stored::OnDisk { path: Arc::new(path), length }
            }
        };
        Ok((stored, seal))
    }

    fn start(&self) -> io::Result<(tokio::fs::File, TempPath)> {
        let file = match &self.directory {
            Some(directory) => tempfile::NamedTempFile::with_prefix_in("ozg-sandbox-", directory)?,
            None => tempfile::NamedTempFile::with_prefix("ozg-sandbox-")?,
        };
        let (file, path) = file.into_parts();
        Ok((tokio::fs::File::from_std(file), path))
    }

    fn too_large(&self) -> Problem {
        Problem::too_large(format!("an upload has at most {} bytes", self.largest))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn broken(error: io::Error) -> Problem {
    tracing::error!(error = %error, "the sandbox cannot write to its spool");
    Problem::internal("the upload could not be stored")
}
