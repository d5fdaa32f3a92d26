//! The reply channels by their names, and which of them a receiver takes (row 12).

use std::{fmt, str::FromStr};

use crate::{
    application::ReplyChannel,
    fit_connect::{
        jose::jwk::{Chain, PublicJwk},
        metadata::Reply,
    },
};

/// A kind of reply channel (Rückkanal), named as the metadata name it (dossier section 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// `eMail`
    Email,
    /// `deMail`
    DeMail,
    /// `fink`
    Fink,
    /// `elster`
    Elster,
    /// `fitConnect` (metadata 2.x)
    FitConnect,
    /// `idBundDeMailbox` (metadata 2.x)
    BundIdMailbox,
}

/// A text that names no reply channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no reply channel of the metadata")]
pub struct UnknownReplyKind;

impl ReplyKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::DeMail, Self::Fink, Self::Elster, Self::FitConnect, Self::BundIdMailbox];

    /// Its name in the metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "eMail",
            Self::DeMail => "deMail",
            Self::Fink => "fink",
            Self::Elster => "elster",
            Self::FitConnect => "fitConnect",
            Self::BundIdMailbox => "idBundDeMailbox",
        }
    }

    const fn of(channel: &ReplyChannel) -> Option<Self> {
        Some(match channel {
            ReplyChannel::Email { .. } => Self::Email,
            ReplyChannel::DeMail { .. } => Self::DeMail,
            ReplyChannel::Fink { .. } => Self::Fink,
            ReplyChannel::Elster { .. } => Self::Elster,
            ReplyChannel::FitConnect { .. } => Self::FitConnect,
            ReplyChannel::BundIdMailbox { .. } => Self::BundIdMailbox,
            ReplyChannel::Other { .. } => return None,
        })
    }
}

impl fmt::Display for ReplyKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for ReplyKind {
    type Err = UnknownReplyKind;

    fn from_str(text: &str) -> Result<Self, UnknownReplyKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownReplyKind)
    }
}

/// The reply channels that we can use.
#[derive(Debug, Clone, Copy)]
pub enum ReplyChannels<'a> {
    /// Not our concern: every channel is taken, one we do not know included.
    Any,
    /// Only these, and only with usable keys.
    Only(&'a [ReplyKind]),
}

impl ReplyChannels<'_> {
    pub(super) fn take(&self, reply: &Reply) -> bool {
        match (self, reply) {
            (Self::Any, _) => true,
            (Self::Only(_), Reply::Unknown { .. }) => false,
            (Self::Only(kinds), Reply::Known(channel)) => {
                ReplyKind::of(channel).is_some_and(|kind| kinds.contains(&kind)) && is_usable(channel)
            }
        }
    }
}

fn is_usable(channel: &ReplyChannel) -> bool {
    match channel {
        ReplyChannel::FitConnect { encryption_public_key, .. } => {
            PublicJwk::parse(encryption_public_key.as_bytes(), Chain::Optional).is_ok()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_own_name() {
        for kind in ReplyKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("email".parse::<ReplyKind>(), Err(UnknownReplyKind));
    }
}
