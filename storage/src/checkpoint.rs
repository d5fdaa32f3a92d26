//! A checkpoint: what a tenant's journal was at one moment, signed, as one line of text that leaves the machine.
//!
//! `ozg-checkpoint-1 <tenant> <incarnation> <records> <milliseconds> <edge> <public key> <signature>`: bytes in lower-case
//! hexadecimal, the edge of the Merkle tree ([`crate::merkle`]) as its roots joined by commas (`-` if there are none). The
//! signature is Ed25519 over everything before its blank.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use ozg_protocols::{hex, ids::TenantSlug, moment::Moment};
use serde::{Deserialize, Serialize};

use crate::{
    journal::RecordNo,
    merkle::{Edge, Hash},
};

const LABEL: &str = "ozg-checkpoint-1";

/// A text that is not a checkpoint, or not signed by the key it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It has another form.
    #[error("this is not a checkpoint")]
    Malformed,
    /// The signature does not fit.
    #[error("the signature of the checkpoint is wrong")]
    Forged,
}

/// A checkpoint was signed that has to leave the machine: the events of [`StreamId::CHECKPOINTS`], schema 1.
///
/// [`StreamId::CHECKPOINTS`]: crate::journal::StreamId::CHECKPOINTS
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointSigned {
    /// The last record it covers.
    pub record: u64,
    /// The checkpoint as its line.
    pub line: String,
}

/// The effect of [`CheckpointSigned`], schema 1: bring all checkpoints up to this one to the file outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BringOut {
    /// The last record it covers; the file outside takes none twice.
    pub record: u64,
}

/// A signed checkpoint. Whoever has one knows that its signature fits its public key; that the key is the tenant's is known
/// by comparing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub(crate) tenant: TenantSlug,
    pub(crate) incarnation: [u8; 16],
    pub(crate) at: Moment,
    pub(crate) edge: Edge,
    pub(crate) public_key: [u8; 32],
    signature: [u8; 64],
}

impl Checkpoint {
    pub(crate) fn sign(
        pair: &Ed25519KeyPair,
        tenant: TenantSlug,
        incarnation: [u8; 16],
        at: Moment,
        edge: Edge,
    ) -> Option<Self> {
        let public_key = pair.public_key().as_ref().try_into().ok()?;
        let mut checkpoint = Self { tenant, incarnation, at, edge, public_key, signature: [0; 64] };
        let signature = pair.try_sign(checkpoint.signed_text().as_bytes()).ok()?;
        checkpoint.signature = signature.as_ref().try_into().ok()?;
        Some(checkpoint)
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &TenantSlug {
        &self.tenant
    }

    /// The last record it covers; it covers all before, too.
    #[must_use]
    pub const fn record(&self) -> RecordNo {
        RecordNo(self.edge.size())
    }

    /// When it was signed.
    #[must_use]
    pub const fn at(&self) -> Moment {
        self.at
    }

    /// The root of the tree over the record hashes.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.edge.root()
    }

    /// The root for people: 64 hexadecimal digits, for logs and metrics.
    #[must_use]
    pub fn root_text(&self) -> String {
        hex::encode(&self.root())
    }

    fn signed_text(&self) -> String {
        let roots: Vec<String> = self.edge.roots().iter().map(|root| hex::encode(root)).collect();
        let edge = if roots.is_empty() { "-".to_owned() } else { roots.join(",") };
        format!(
            "{LABEL} {} {} {} {} {edge} {}",
            self.tenant,
            hex::encode(&self.incarnation),
            self.edge.size(),
            self.at.millis(),
            hex::encode(&self.public_key),
        )
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.signed_text(), hex::encode(&self.signature))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(line: &str) -> Result<Self, CheckpointError> {
        let checkpoint = parse(line).ok_or(CheckpointError::Malformed)?;
        let key = UnparsedPublicKey::new(&ED25519, checkpoint.public_key);
        key.verify(checkpoint.signed_text().as_bytes(), &checkpoint.signature).map_err(|_| CheckpointError::Forged)?;
        Ok(checkpoint)
    }
}

fn parse(line: &str) -> Option<Checkpoint> {
    let parts: Vec<&str> = line.trim_end().split(' ').collect();
    let &[LABEL, tenant, incarnation, size, at, edge, public_key, signature] = parts.as_slice() else { return None };
    let roots: Vec<Hash> = match edge {
        "-" => Vec::new(),
        roots => roots.split(',').map(hex::decode_array).collect::<Option<_>>()?,
    };
    Some(Checkpoint {
        tenant: tenant.parse().ok()?,
        incarnation: hex::decode_array(incarnation)?,
        at: Moment::from_millis(at.parse().ok()?),
        edge: Edge::new(size.parse().ok()?, roots)?,
        public_key: hex::decode_array(public_key)?,
        signature: hex::decode_array(signature)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a seed");
        let mut edge = Edge::default();
        (0..3).for_each(|n| edge.push(&[n; 32]));
        let tenant = "musterstadt".parse().expect("a slug");
        Checkpoint::sign(&pair, tenant, [9; 16], Moment::from_seconds(5), edge).expect("signs")
    }

    #[test]
    fn a_checkpoint_reads_back_from_its_line() {
        let line = checkpoint().to_string();
        assert!(!line.contains('\n'));
        assert_eq!(line.parse(), Ok(checkpoint()));
        assert_eq!(checkpoint().record(), RecordNo(3));
    }

    #[test]
    fn any_other_text_under_its_signature_is_refused() {
        let line = checkpoint().to_string();
        assert_eq!(line.replace(" 5000 ", " 6000 ").parse::<Checkpoint>(), Err(CheckpointError::Forged));
        assert_eq!(line.replace("musterstadt", "musterdorf").parse::<Checkpoint>(), Err(CheckpointError::Forged));
        assert_eq!(line.replace(" 3 ", " 4 ").parse::<Checkpoint>(), Err(CheckpointError::Malformed));
        assert_eq!("".parse::<Checkpoint>(), Err(CheckpointError::Malformed));
    }

    #[test]
    fn golden_line_of_version_1() {
        let line = checkpoint().to_string();
        let signed = line.rsplit_once(' ').expect("a signature").0;
        assert_eq!(signed, GOLDEN);
    }

    /// Worked out once by other programs (SHA-256, Ed25519).
    const GOLDEN: &str = "ozg-checkpoint-1 musterstadt 09090909090909090909090909090909 3 5000 \
        28fb81e496897e0ce886f08602392e9239b65c659041e5202163e58ad898f444,\
        cba8c596120bdb69debbd923d92cba948bde7c7d06a465a1bb7d98d3116038fa \
        ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1";
}
