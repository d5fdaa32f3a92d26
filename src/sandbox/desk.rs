//! The one task that owns the world; everybody else puts questions to it.
//!
//! A question is a closure that runs on the world while nobody else does, so each one is atomic. It never waits and
//! never signs: signatures are made before or after, by [`super::signer`].

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{problem::Problem, world::World};

/// Questions that may wait at the desk before their askers do.
const WAITING: usize = 4_096;

type Question = Box<dyn FnOnce(&mut World) + Send>;

/// The way to the world.
#[derive(Debug, Clone)]
pub(super) struct Desk(mpsc::Sender<Question>);

impl Desk {
    /// Opens a desk over this world. Its task ends when the last asker is gone.
    pub(super) fn open(mut world: World) -> (Self, JoinHandle<()>) {
        let (ask, mut asked) = mpsc::channel::<Question>(WAITING);
        let task = tokio::spawn(async move {
            while let Some(question) = asked.recv().await {
                question(&mut world);
            }
        });
        (Self(ask), task)
    }

    /// Puts a question and waits for the answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let boxed: Question = Box::new(move |world| {
            // An asker that is gone does not want the answer any more.
            drop(answer.send(question(world)));
        });
        self.0.send(boxed).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }
}

fn closed() -> Problem {
    Problem::new(http::StatusCode::SERVICE_UNAVAILABLE, "closing", "Service Unavailable", "the sandbox is closing")
}
