//! Wiring: the configuration becomes a house and its pages, which run until somebody asks them to end.
//!
//! Nothing is decided here. Secrets are read once ([`settings`]), the hierarchy is started, the web is put in front of it;
//! on SIGTERM or SIGINT the web closes first and the house is drained from its edge inwards.

pub mod data_schemas;
pub mod settings;

use std::{io, sync::Arc, time::Duration};

use ozg_actors::{
    House, HouseSettings, Pools, Seams, StartError,
    fit_connect::connect,
    outbound::{Outbound, OutboundError, SystemResolver},
    seams::{Clock, Ids, WallClock},
    tenant::Limits,
};
use ozg_storage::{disk::RealDisk, random::StrongRandom};
use ozg_web::{Running, ServeError, WebSettings};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use settings::SettingsError;

/// How long whatever is under way may take to end.
pub(crate) const GOODBYE: Duration = Duration::from_secs(30);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Something that the configuration names cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The hierarchy does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The pages cannot be served.
    #[error(transparent)]
    Web(#[from] ServeError),
    /// The operating system gives no signals.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
}

/// A house with its pages.
#[derive(Debug)]
pub struct Served {
    house: House,
    pages: Running,
    operations: Option<Running>,
}

/// Starts a house on the real clock, disk and threads.
///
/// # Errors
/// As [`House::start`], or when the HTTP client cannot be set up.
pub async fn open_house(settings: HouseSettings, config: &Config) -> Result<House, RunError> {
    let outbound = Outbound::new(settings::outbound(config)?, Arc::new(SystemResolver))?;
    let seams = Seams {
        clock: Arc::new(WallClock),
        random: Arc::new(StrongRandom::new()),
        disk: Arc::new(RealDisk),
        pools: Pools::Threads,
        limits: Limits::default(),
        outbound: outbound.clone(),
        connect: connect(outbound),
    };
    Ok(House::start(settings, seams).await?)
}

/// Starts everything that the configuration describes.
///
/// # Errors
/// [`RunError`]; what ran already was closed in order.
pub async fn start(config: &Config) -> Result<Served, RunError> {
    // Whatever can be wrong with the settings is found before anything runs.
    let (house, web) = (settings::house(config)?, settings::pages(config)?);
    let house = open_house(house, config).await?;
    let serving = serve(&house, web, config).await;
    match serving {
        Ok((pages, operations)) => Ok(Served { house, pages, operations }),
        Err(error) => {
            house.drain(GOODBYE).await;
            Err(error)
        }
    }
}

async fn serve(house: &House, web: WebSettings, config: &Config) -> Result<(Running, Option<Running>), RunError> {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let ids = Ids::new(Arc::new(StrongRandom::new()));
    let pages = ozg_web::serve(house.clone(), clock.clone(), ids.clone(), web).await?;
    let operations = match config.operations.listen {
        Some(listen) => {
            let web = settings::operations(listen, config);
            Some(ozg_web::serve_operations(house.clone(), clock, ids, web).await?)
        }
        None => None,
    };
    Ok((pages, operations))
}

impl Served {
    /// Where browsers find each tenant.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let tenants = self.house.tenants();
        tenants.iter().filter_map(|tenant| tenant.hosts().first()).map(|host| self.pages.address_of(host)).collect()
    }

    /// Waits for SIGTERM, SIGINT or whatever else tells it to end, then closes: first the pages, then the house.
    ///
    /// # Errors
    /// [`RunError::Signals`].
    pub async fn until_told_or(self, told: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
        tokio::select! {
            _ = terminate.recv() => {}
            () = told => {}
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(RunError::Signals)?,
        }
        tracing::info!("closing");
        self.close().await;
        Ok(())
    }

    /// Closes: first the pages, then the house.
    pub async fn close(self) {
        let Self { house, pages, operations } = self;
        pages.shutdown().await;
        let report = house.drain(GOODBYE).await;
        if let Some(operations) = operations {
            operations.shutdown().await;
        }
        tracing::info!(finished = report.finished, cut_off = report.cut_off, took = ?report.took, "closed");
    }
}
