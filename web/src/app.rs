//! What every handler has at hand: the house, the clock, ids, how browsers reach us, and the signal that ends streams.

use std::{fmt, sync::Arc};

use ozg_actors::{
    House, Tenant,
    seams::{Clock, Ids},
};
use ozg_protocols::{ids::CommandKey, moment::Moment, principal::Principal};
use tokio::sync::watch;
use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderMap, Method, Uri},
    reply::Response,
};

use crate::{
    answer::{Asker, Trouble},
    fields::Fields,
    session,
    settings::PublicAddress,
};

/// Shared by all requests; a cheap handle.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    house: House,
    clock: Arc<dyn Clock>,
    ids: Ids,
    public: PublicAddress,
    closing: watch::Receiver<bool>,
}

impl fmt::Debug for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("App")
    }
}

impl App {
    pub(crate) fn new(
        house: House,
        clock: Arc<dyn Clock>,
        ids: Ids,
        public: PublicAddress,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Inner { house, clock, ids, public, closing }))
    }

    /// The hierarchy.
    pub(crate) fn house(&self) -> &House {
        &self.0.house
    }

    /// The time, for what pages say about themselves.
    pub(crate) fn now(&self) -> Moment {
        self.0.clock.now()
    }

    /// The key of a form that is about to be shown.
    pub(crate) fn command_key(&self) -> Result<CommandKey, Trouble> {
        self.0.ids.command_key().map_err(|_| Trouble::Unavailable)
    }

    /// The origins under which browsers see this tenant.
    pub(crate) fn origins(&self, tenant: &Tenant) -> Vec<String> {
        tenant.hosts().iter().map(|host| self.0.public.origin(host)).collect()
    }

    /// Turns true when the server stops.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.clone()
    }
}

/// One request of a browser to a tenant.
#[derive(Clone)]
pub(crate) struct Visit {
    pub app: App,
    pub tenant: Tenant,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
}

impl fmt::Debug for Visit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Visit({})", self.method)
    }
}

impl Visit {
    /// Who is signed in.
    pub(crate) async fn principal(&self) -> Result<Principal, Trouble> {
        let token = session::token(&self.headers).ok_or(Trouble::SignedOut)?;
        self.tenant.session(&token).await?.ok_or(Trouble::SignedOut)
    }

    /// The fields of the address.
    pub(crate) fn query(&self) -> Fields {
        Fields::parse(self.uri.query().unwrap_or_default().as_bytes())
    }

    /// What a handler came to, as an answer.
    pub(crate) fn answer(&self, result: Result<Response, Trouble>) -> Response {
        result.unwrap_or_else(|trouble| trouble.answer(&Asker::of(&self.method, &self.uri, &self.headers)))
    }
}

/// The visit of this request; passes on where the host names no tenant.
pub(crate) fn visit(app: &App) -> BoxedFilter<(Visit,)> {
    let app = app.clone();
    warp::ext::get::<Tenant>()
        .and(warp::ext::get::<Uri>())
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .map(move |tenant, uri, method, headers| Visit { app: app.clone(), tenant, method, uri, headers })
        .boxed()
}
