//! What every handler works with: the way to the world, the signing key, the spool, and the callbacks.

use std::sync::Arc;

use super::{
    callback::Callbacks,
    caller::{Caller, Scope},
    desk::Desk,
    problem::Problem,
    settings::Urls,
    signer::Signer,
    spool::Spool,
    world::World,
};

/// The sandbox, as its handlers see it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) desk: Desk,
    pub(super) signer: Arc<Signer>,
    pub(super) spool: Spool,
    pub(super) callbacks: Callbacks,
    pub(super) urls: Urls,
    pub(super) rules: Rules,
}

/// What an operator of the sandbox can choose.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// Versions of the set-payload schema that are taken from subscribers.
    pub(super) set_versions: Vec<String>,
    /// Whether the tags of an accept event are compared with the stored ones.
    pub(super) compare_tags: bool,
    /// Most entries of a page of submissions or events.
    pub(super) largest_page: usize,
    /// Whether callbacks to this machine may go over plain HTTP.
    pub(super) plain_http_callbacks: bool,
}

impl Service {
    /// Puts a question in the name of the holder of this token.
    pub(super) async fn ask_as<T: Send + 'static>(
        &self,
        token: Option<String>,
        scope: Option<Scope>,
        question: impl FnOnce(&mut World, &Caller) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.desk
            .ask(move |world| {
                let caller = world.callers.identify(token.as_deref(), world.now())?;
                if let Some(scope) = scope {
                    caller.must(scope)?;
                }
                question(world, &caller)
            })
            .await?
    }
}
