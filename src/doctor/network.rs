//! The sockets the server will listen on: free, allowed, and of this machine.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use super::Finding;
use crate::{config::Config, german};

/// Looks at every address that will be listened on.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let pages = ("server.listen", config.server.listen);
    let operations = config.operations.listen.map(|address| ("operations.listen", address));
    let mut findings: Vec<_> =
        [Some(pages), operations].into_iter().flatten().map(|(key, at)| socket(key, at)).collect();
    if config.server.tls.is_none() && !config.server.listen.ip().is_loopback() && config.server.public_url.is_secure() {
        let what = format!("server.listen = {} ohne TLS, aber nicht nur für diese Maschine", config.server.listen);
        findings
            .push(Finding::warning(what, "sicherstellen, dass davor TLS endet und niemand am Ingress vorbei kommt"));
    }
    findings
}

fn socket(key: &str, address: SocketAddr) -> Finding {
    let Err(error) = TcpListener::bind(address) else { return Finding::good(format!("{key}: {address} ist frei")) };
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let what = format!("{key}: {address} ist belegt");
            Finding::warning(what, "in Ordnung, wenn OZG-Cloud schon läuft; sonst nachsehen mit `ss -ltnp`")
        }
        io::ErrorKind::PermissionDenied => {
            let what = format!("{key}: {address} darf das Programm nicht öffnen");
            Finding::error(what, "AmbientCapabilities=CAP_NET_BIND_SERVICE setzen, oder einen Port ab 1024 nehmen")
        }
        io::ErrorKind::AddrNotAvailable => {
            let what = format!("{key}: {address} ist keine Adresse dieser Maschine");
            Finding::error(what, "mit `ip address` nachsehen und die Konfiguration berichtigen")
        }
        _ => Finding::error(
            format!("{key}: {address} kann nicht geöffnet werden ({})", german::system(&error)),
            "die Adresse prüfen",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_port_in_use_is_a_warning_because_it_may_be_ours() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let finding = socket("server.listen", taken.local_addr().expect("bound"));
        assert_eq!(finding.severity, Severity::Warning, "{finding}");
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        // 192.0.2.0/24 is reserved for documentation (RFC 5737): no machine has it.
        let finding = socket("server.listen", ([192, 0, 2, 1], 8080).into());
        assert_eq!(finding.severity, Severity::Error, "{finding}");
    }
}
