//! What only others know: whether the delivery service knows us and our keys. Asked only when the operator says so; nothing
//! is changed there.
//!
//! Each destination in turn: a token, its own description with the key that senders encrypt for, the callback, the keys that
//! the service signs with, and how far its clock is from ours. What fails first makes the later questions senseless.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, StatusCode, Uri, header};
use ozg_actors::outbound::{Answer, Call, CallError, Client, SystemResolver};
use ozg_protocols::{
    fit_connect::{
        api::token::TokenResponse,
        jose::{
            jwk::{Chain, PrivateJwk, PublicJwk},
            key_set::KeySet,
            rsa::VerificationKey,
        },
    },
    moment::Moment,
};
use serde_json::Value;

use super::Finding;
use crate::{
    config::{Config, Destination, Tenant},
    german, serve,
};

/// Clocks may differ by this much before somebody should look (the callback's own limit is five minutes).
const NOTICED: Duration = Duration::from_secs(60);
/// From here on tokens and events look too old or too new.
const TOO_FAR: Duration = Duration::from_secs(240);

/// Asks every destination's delivery service.
pub async fn examine(config: &Config, clock: fn() -> Moment) -> Vec<Finding> {
    let settings = match serve::settings::outbound(config) {
        Ok(settings) => settings,
        Err(error) => return vec![not_asked(&german::settings(&error))],
    };
    let client = match Client::new(settings, Arc::new(SystemResolver)) {
        Ok(client) => client,
        Err(error) => return vec![not_asked(&german::outbound(error))],
    };
    let mut findings = Vec::new();
    for tenant in &config.tenants {
        for destination in &tenant.destinations {
            let label = format!("{}, Zustellpunkt {}", tenant.slug, destination.name);
            let visit = Visit { client: &client, config, tenant, destination, label, clock };
            findings.extend(visit.findings().await);
        }
    }
    findings
}

fn not_asked(why: &str) -> Finding {
    Finding::error(format!("Zustelldienste: nicht gefragt, {why}"), "erst die Konfiguration berichtigen")
}

/// One destination while its service is asked.
struct Visit<'a> {
    client: &'a Client,
    config: &'a Config,
    tenant: &'a Tenant,
    destination: &'a Destination,
    label: String,
    clock: fn() -> Moment,
}

impl Visit<'_> {
    async fn findings(&self) -> Vec<Finding> {
        let label = &self.label;
        let mut findings = Vec::new();
        let answer = match self.token().await {
            Ok(Some(answer)) => answer,
            Ok(None) => return findings,
            Err(finding) => return vec![finding],
        };
        findings.extend(self.clock_difference(&answer));
        let Ok(token) = serde_json::from_slice::<TokenResponse>(&answer.body) else {
            let what = format!("{label}: die Antwort des Token-Dienstes ist kein Token");
            findings.push(Finding::error(what, "`token_url` in der Konfiguration prüfen"));
            return findings;
        };
        findings.push(Finding::good(format!("{label}: Token erhalten")));
        match self.described(token.access_token.secret()).await {
            Ok(described) => {
                findings.push(Finding::good(format!("{label}: der Zustelldienst kennt ihn")));
                findings.extend(self.status(&described));
                findings.push(self.published_key(&described).await);
                findings.extend(self.callback(&described));
            }
            Err(finding) => findings.push(finding),
        }
        findings.push(self.service_keys().await);
        findings
    }

    /// The answer of the token service; nothing when our own secret is missing, which is told elsewhere.
    async fn token(&self) -> Result<Option<Answer>, Finding> {
        let Destination { token_url, client_id, client_secret_file, .. } = self.destination;
        let Ok(secret) = client_secret_file.content() else { return Ok(None) };
        let secret = String::from_utf8_lossy(&secret);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client_id)
            .append_pair("client_secret", secret.trim())
            .finish();
        let call = Call::new("token", Method::POST, token_url.uri().clone())
            .with(header::ACCEPT, HeaderValue::from_static("application/json"))
            .sending("application/x-www-form-urlencoded", form);
        self.client.call(call).await.map(Some).map_err(|error| match error.status() {
            Some(StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Finding::error(
                format!("{}: der Token-Dienst lehnt die Anmeldung ab", self.label),
                "`client_id` und Client-Secret mit dem Self-Service-Portal vergleichen, nötigenfalls ein neues Secret holen",
            ),
            _ => self.unreachable("der Token-Dienst", "token_url", &error),
        })
    }

    fn unreachable(&self, who: &str, setting: &str, error: &CallError) -> Finding {
        let remedy = match error {
            CallError::Status(refused) if refused.status.is_server_error() => {
                "später noch einmal fragen; Störungen nennt die Statusseite von FIT-Connect".to_owned()
            }
            CallError::Status(_) | CallError::Redirected(_) => format!("`{setting}` in der Konfiguration prüfen"),
            _ => format!("`{setting}`, `[outbound]` (Proxy, Zertifikate), DNS und Firewall prüfen"),
        };
        Finding::error(format!("{}: {who} {}", self.label, german::call(error)), remedy)
    }

    /// An address of the Submission API.
    fn place(&self, path: &str) -> Option<Uri> {
        let (base, version) = (self.destination.submission_url.uri().to_string(), self.destination.api_version);
        format!("{}/{}/{path}", base.trim_end_matches('/'), version.segment()).parse().ok()
    }

    async fn get(&self, place: Option<Uri>, token: Option<&str>) -> Result<Answer, CallError> {
        let place = place.ok_or(CallError::Network("address"))?;
        let mut call = Call::new("doctor", Method::GET, place);
        if let Some(token) = token {
            let mut bearer =
                HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| CallError::Network("token"))?;
            bearer.set_sensitive(true);
            call = call.with(header::AUTHORIZATION, bearer);
        }
        self.client.call(call).await
    }

    async fn described(&self, token: &str) -> Result<Value, Finding> {
        let (label, id) = (&self.label, self.destination.id);
        let answer = self.get(self.place(&format!("destinations/{id}")), Some(token)).await;
        let answer = answer.map_err(|error| match error.status() {
            Some(StatusCode::NOT_FOUND) => Finding::error(
                format!("{label}: der Zustelldienst kennt {id} nicht"),
                "`id` mit dem Self-Service-Portal vergleichen, und ob `submission_url` zur selben Umgebung gehört",
            ),
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Finding::error(
                format!("{label}: unser Client darf den Zustellpunkt nicht sehen"),
                "dem Client im Self-Service-Portal das Recht auf diesen Zustellpunkt geben",
            ),
            _ => self.unreachable("die Submission API", "submission_url", &error),
        })?;
        serde_json::from_slice(&answer.body).map_err(|_| {
            let what = format!("{label}: die Beschreibung des Zustellpunkts ist nicht lesbar");
            Finding::error(what, "`submission_url` und `api_version` in der Konfiguration prüfen")
        })
    }

    fn status(&self, described: &Value) -> Option<Finding> {
        let status = described.get("status").and_then(Value::as_str)?;
        (status != "active").then(|| {
            let what = format!("{}: beim Zustelldienst nicht aktiv (`status` ist {status})", self.label);
            Finding::warning(what, "im Self-Service-Portal freischalten; vorher kommen keine Einreichungen")
        })
    }

    /// Whether what senders encrypt for can be opened here.
    async fn published_key(&self, described: &Value) -> Finding {
        let (label, id) = (&self.label, self.destination.id);
        let Some(kid) = described.get("encryptionKid").and_then(Value::as_str) else {
            let what = format!("{label}: der Zustelldienst veröffentlicht keinen Verschlüsselungsschlüssel");
            return Finding::error(what, "den öffentlichen Schlüssel im Self-Service-Portal hinterlegen");
        };
        let key = match self.get(self.place(&format!("destinations/{id}/keys/{kid}")), None).await {
            Ok(answer) => PublicJwk::parse(&answer.body, Chain::Optional),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                let what = format!("{label}: Schlüssel fehlt: der Zustelldienst nennt {kid}, hat ihn aber nicht");
                return Finding::error(what, "den öffentlichen Schlüssel im Self-Service-Portal hinterlegen");
            }
            Err(error) => return self.unreachable("die Submission API", "submission_url", &error),
        };
        match key {
            Ok(key) => self.compared(&key),
            Err(refused) => Finding::error(
                format!("{label}: der veröffentlichte Schlüssel {kid} {}", german::jwk(&refused)),
                "einen Schlüssel nach den Regeln von FIT-Connect hinterlegen",
            ),
        }
    }

    fn compared(&self, published: &PublicJwk) -> Finding {
        let (label, kid) = (&self.label, &published.kid);
        let files = &self.destination.decryption_key_files;
        let ours = files.iter().filter_map(|place| PrivateJwk::parse(&place.content().ok()?).ok());
        let ours: Vec<_> = ours.map(|key| key.public()).collect();
        if ours.iter().any(|key| key.modulus() == published.modulus()) {
            return Finding::good(format!("{label}: der veröffentlichte Schlüssel {kid} ist einer von unseren"));
        }
        if ours.iter().any(|key| key.kid == *kid) {
            return Finding::error(
                format!(
                    "{label}: Der veröffentlichte Schlüssel passt zu keinem unserer Schlüssel: unserer mit der kid \
                     {kid} ist ein anderer"
                ),
                "den privaten Schlüssel hinterlegen, der zum veröffentlichten gehört, oder einen neuen mit neuer kid veröffentlichen",
            );
        }
        Finding::error(
            format!(
                "{label}: Schlüssel fehlt: Der veröffentlichte Schlüssel passt zu keinem unserer Schlüssel (kid {kid})"
            ),
            "seine private Hälfte in `decryption_key_files` nennen; ohne sie lässt sich keine neue Einreichung öffnen",
        )
    }

    /// Whether calls would reach us; without callbacks applications come all the same, only later.
    fn callback(&self, described: &Value) -> Option<Finding> {
        let (label, id) = (&self.label, self.destination.id);
        let url = described.get("callback").and_then(|callback| callback.get("url")).and_then(Value::as_str);
        let origins = self.tenant.hosts.iter().map(|host| self.config.server.public_url.origin(host));
        let wanted: Vec<_> = origins.map(|origin| format!("{origin}/fit-connect/rueckruf/{id}")).collect();
        let should_be = wanted.first().map(String::as_str).unwrap_or_default();
        let polled = format!("bis dahin wird alle {} s nachgesehen", self.destination.poll.as_secs());
        match (url, &self.destination.callback_secret_file) {
            (None, None) => None,
            (Some(url), Some(_)) if wanted.iter().any(|wanted| wanted == url) => {
                Some(Finding::good(format!("{label}: Callback an {url}")))
            }
            (Some(url), Some(_)) => Some(Finding::warning(
                format!("{label}: der Callback geht an {url}"),
                format!("im Self-Service-Portal {should_be} eintragen; {polled}"),
            )),
            (Some(_), None) => Some(Finding::warning(
                format!(
                    "{label}: der Zustelldienst ruft zurück, aber `callback_secret_file` fehlt: wir glauben es nicht"
                ),
                "das Callback-Secret hinterlegen, oder den Callback im Self-Service-Portal entfernen",
            )),
            (None, Some(_)) => Some(Finding::warning(
                format!("{label}: beim Zustelldienst ist kein Callback zu sehen"),
                format!("im Self-Service-Portal {should_be} eintragen; {polled}"),
            )),
        }
    }

    /// The keys that the service's events are verified with.
    async fn service_keys(&self) -> Finding {
        let (label, base) = (&self.label, self.destination.submission_url.uri().to_string());
        let place = format!("{}/.well-known/jwks.json", base.trim_end_matches('/'));
        let answer = match self.get(place.parse().ok(), None).await {
            Ok(answer) => answer,
            Err(error) => return self.unreachable("der Schlüsselsatz des Zustelldienstes", "submission_url", &error),
        };
        let usable = KeySet::parse(&answer.body, Chain::Required)
            .map(|set| set.keys().iter().filter(|key| VerificationKey::new(key).is_ok()).count());
        match usable {
            Ok(count @ 1..) => Finding::good(format!("{label}: {count} Schlüssel des Zustelldienstes")),
            Ok(_) | Err(_) => Finding::error(
                format!("{label}: {place} enthält keinen brauchbaren Schlüssel"),
                "`submission_url` in der Konfiguration prüfen; ohne diese Schlüssel wird nichts angenommen",
            ),
        }
    }

    fn clock_difference(&self, answer: &Answer) -> Option<Finding> {
        Some(clocks(&self.label, (self.clock)(), answer.date?))
    }
}

fn clocks(label: &str, ours: Moment, theirs: Moment) -> Finding {
    let apart = ours.since(theirs).max(theirs.since(ours));
    let what = format!("{label}: unsere Uhr und die des Zustelldienstes gehen {} s auseinander", apart.as_secs());
    let remedy = "Zeitabgleich einrichten (systemd-timesyncd oder chrony)";
    if apart > TOO_FAR {
        Finding::error(what, remedy)
    } else if apart > NOTICED {
        Finding::warning(what, remedy)
    } else {
        Finding::good(format!("{label}: die Uhren stimmen überein"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_clock_that_is_minutes_away_is_an_error_in_both_directions() {
        let now = Moment::from_seconds(1_000_000);
        let severity = |seconds: i64| clocks("x", now, Moment::from_seconds(1_000_000 + seconds)).severity;
        assert_eq!([severity(0), severity(-30), severity(59)], [Severity::Good; 3]);
        assert_eq!([severity(90), severity(-90)], [Severity::Warning; 2]);
        assert_eq!([severity(300), severity(-4_000)], [Severity::Error; 2]);
    }
}
