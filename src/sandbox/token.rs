//! The token endpoint: `client_credentials` with the secret in the form, and nothing else (dossier section 3).

use http::StatusCode;
use serde_json::json;

use super::{
    answer::{self, Answer},
    call::{self, Call},
    caller::{Refusal, TOKEN_LIFE},
    problem::Problem,
    service::Service,
    signer,
};
use ozg_protocols::fit_connect::jose::base64url;

/// `POST /auth/token`
pub(super) async fn issue(service: &Service, call: Call) -> Result<Answer, Problem> {
    if call.has_basic_authentication() {
        return Ok(refuse(Refusal::InvalidClient));
    }
    if call.must_be(&["application/x-www-form-urlencoded"]).is_err() {
        return Ok(refuse(Refusal::InvalidRequest));
    }
    let members = call::form(&call.text().await?);
    let member = |name: &str| members.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    if member("grant_type").as_deref() != Some("client_credentials") {
        return Ok(refuse(Refusal::UnsupportedGrantType));
    }
    let (Some(id), Some(secret)) = (member("client_id"), member("client_secret")) else {
        return Ok(refuse(Refusal::InvalidClient));
    };
    let token = base64url::encode(&signer::random::<32>()?);
    let (scope, text) = (member("scope"), token.clone());
    let issued = service
        .desk
        .ask(move |world| {
            let now = world.now();
            world.callers.log_in((&id, &secret), scope.as_deref(), text, now)
        })
        .await?;
    match issued {
        Ok(scope) => {
            let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE.as_secs(), "scope": scope });
            Ok(answer::not_cached(answer::json(StatusCode::OK, &body)))
        }
        Err(refusal) => Ok(refuse(refusal)),
    }
}

fn refuse(refusal: Refusal) -> Answer {
    let status = if refusal == Refusal::InvalidClient { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    answer::json(status, &json!({ "error": refusal.name() }))
}
