//! Names and addresses on the network: hosts, the URL people see, endpoints of others, networks, a proxy.

use std::{fmt, net::IpAddr, str::FromStr};

use http::Uri;

use super::{
    reader::{Setting, Surroundings},
    words::parsed,
};

/// A text that is not an address of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct InvalidAddress(&'static str);

/// A host name in lower case, without port (RFC 1123).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let valid = text.len() <= 253 && text.split('.').all(label);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidAddress("host name")) }
    }
}

/// How people reach a tenant: scheme and port around the tenant's host, written `https://{host}` or `http://{host}:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicUrl {
    secure: bool,
    port: Option<u16>,
}

impl PublicUrl {
    /// `https://{host}`.
    pub const HTTPS: Self = Self { secure: true, port: None };

    /// The origin (RFC 6454) of a tenant's pages.
    #[must_use]
    pub fn origin(self, host: &HostName) -> String {
        self.around(host.as_str())
    }

    /// Whether browsers come by TLS.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        self.secure
    }

    /// The port that browsers use.
    #[must_use]
    pub fn port(self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    fn around(self, host: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.around("{host}"))
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let wrong = InvalidAddress("public url");
        let (scheme, rest) = text.split_once("://").ok_or(wrong)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong),
        };
        let after = rest.trim_end_matches('/').strip_prefix("{host}").ok_or(wrong)?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port != 0).ok_or(wrong)?),
            None if after.is_empty() => None,
            None => return Err(wrong),
        };
        Ok(Self { secure, port })
    }
}

/// The base URL of a service of somebody else, without a slash at the end. Never carries a user name or a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl Endpoint {
    /// The URL.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether it is reached without TLS.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.scheme_str() == Some("http")
    }

    /// Whether it can only be this machine (RFC 6761 for `localhost`).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

impl FromStr for Endpoint {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let wrong = InvalidAddress("endpoint");
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong)?;
        let authority = uri.authority().ok_or(wrong)?;
        let fits = matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.as_str().contains('@')
            && uri.query().is_none()
            && !text.contains('#');
        if fits { Ok(Self(uri)) } else { Err(wrong) }
    }
}

/// A range of IP addresses in CIDR notation (RFC 4632); a single address stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address lies in the network. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(address)) => {
                (net.to_bits() ^ address.to_bits()).checked_shr(32 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(address)) => {
                (net.to_bits() ^ address.to_bits()).checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let wrong = InvalidAddress("network");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| wrong)?;
        if prefix <= longest { Ok(Self { address, prefix }) } else { Err(wrong) }
    }
}

parsed! {
    HostName: "ein Rechnername in Kleinbuchstaben, ohne Port (`musterstadt.example`)",
    PublicUrl: "`http://{host}` oder `https://{host}`, wenn nötig mit Port (`http://{host}:8080`)",
    Endpoint: "eine URL mit http oder https, ohne Benutzernamen und ohne Abfrageteil",
    Network: "ein Netz (`10.0.0.0/8`) oder eine IP-Adresse",
}

/// A web proxy (CONNECT). Its URL may carry a user name and a password, which are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Uri);

impl Proxy {
    /// The URL, with the credentials in it.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Proxy({})", self.show())
    }
}

impl Setting for Proxy {
    const EXPECTED: &'static str = "die URL eines Proxys (`http://proxy.example:3128`)";

    fn read(text: &str, _: &Surroundings) -> Option<Self> {
        let uri: Uri = text.trim_end_matches('/').parse().ok()?;
        (uri.scheme_str() == Some("http") && uri.host().is_some()).then_some(Self(uri))
    }

    fn show(&self) -> String {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        match authority.rsplit_once('@') {
            Some((_, place)) => format!("http://(Anmeldung verborgen)@{place}"),
            None => format!("http://{authority}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_pattern_around_the_host() {
        let url: PublicUrl = "http://{host}:8080".parse().expect("valid");
        let host = "musterstadt.localhost".parse().expect("valid");
        assert_eq!(url.origin(&host), "http://musterstadt.localhost:8080");
        for wrong in ["https://example.org", "ftp://{host}", "http://{host}:0", "http://{host}x", "{host}"] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_carries_no_password_and_no_query() {
        for wrong in ["https://a:b@example.org", "https://example.org/?x=1", "example.org", "ftp://example.org"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
        let endpoint: Endpoint = "https://example.org/submission-api/".parse().expect("valid");
        assert_eq!(endpoint.to_string(), "https://example.org/submission-api");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://a.localhost", true),
            ("http://a.b", false),
        ] {
            assert_eq!(url.parse::<Endpoint>().expect("valid").is_loopback(), loopback, "{url}");
        }
    }

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        let net = |text: &str| text.parse::<Network>().expect("valid");
        let address = |text: &str| text.parse::<IpAddr>().expect("valid");
        assert!(net("10.0.0.0/8").contains(address("10.200.3.4")));
        assert!(net("10.0.0.0/8").contains(address("::ffff:10.1.1.1")));
        assert!(!net("10.0.0.0/8").contains(address("11.0.0.1")));
        assert!(net("0.0.0.0/0").contains(address("8.8.8.8")));
        assert!(net("::/0").contains(address("2001:db8::1")));
        assert!(!net("::/0").contains(address("8.8.8.8")));
        assert!(!net("127.0.0.1").contains(address("127.0.0.2")));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }

    #[test]
    fn the_password_of_a_proxy_is_never_shown() {
        let proxy = Proxy::read("http://user:geheim@proxy.example:3128", &Surroundings::default()).expect("valid");
        assert!(!format!("{proxy:?}{}", proxy.show()).contains("geheim"));
        assert!(proxy.show().ends_with("proxy.example:3128"));
    }
}
