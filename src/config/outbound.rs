//! `[outbound]`: how the program reaches the services of others.

use std::{path::PathBuf, time::Duration};

use super::{address::Proxy, reader::Section};

/// `[outbound]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbound {
    /// The proxy for everything but loopback; `HTTPS_PROXY` where the configuration names none.
    pub proxy: Option<Proxy>,
    /// Root certificates beside those of the system, PEM.
    pub root_certificates: Vec<PathBuf>,
    /// The longest time a connection may take to come up.
    pub connect: Duration,
    /// The longest time a small answer may take as a whole.
    pub answer: Duration,
    /// The longest pause within an attachment.
    pub idle: Duration,
    /// The least rate of an attachment, in bytes per second.
    pub least_rate: u64,
    /// The largest attachment that is fetched, in bytes.
    pub max_attachment: u64,
    /// The longest answer that is no attachment, in bytes: a submission without its attachments, a page of a log.
    pub max_answer: u64,
    /// Plain http is allowed, to this machine only (demo and tests).
    pub allow_http_loopback: bool,
}

impl Outbound {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let seconds =
            |section: &mut Section<'_>, key, default| Duration::from_secs(section.number(key, default, 1..=600));
        let read = Self {
            proxy: section.optional("proxy"),
            root_certificates: section.list("root_certificates"),
            connect: seconds(&mut section, "connect_seconds", 10),
            answer: seconds(&mut section, "answer_seconds", 30),
            idle: seconds(&mut section, "idle_seconds", 30),
            least_rate: section.number("least_rate_kib", 16, 1..=1_048_576) << 10,
            max_attachment: section.number("max_attachment_mib", 2048, 1..=65_536) << 20,
            max_answer: section.number("max_answer_mib", 16, 1..=1_024) << 20,
            allow_http_loopback: section.switch("allow_http_loopback", false),
        };
        section.finish();
        read
    }
}
