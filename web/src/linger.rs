//! How a connection ends whose client was answered before it had sent everything: not at once, or the answer is lost.
//!
//! Whoever closes a socket that holds unread bytes resets the connection, and a client that still sends may hear of that
//! before it has read why nobody wants the rest. So the server says that nothing more comes, takes a little of what is on
//! its way, and gives the client a moment to read; then it closes, however much is left. Few may linger at a time: beyond
//! them it closes at once. HTTP/2 has words for this, and needs none of it.

use std::{
    future,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// So many connections of a listener may linger at once.
const AT_ONCE: usize = 256;
/// What is read of each in bytes, and thrown away: what is on its way when the answer is given.
const MOST: usize = 1 << 20;
/// How long each may linger.
const LONGEST: Duration = Duration::from_secs(2);

/// Who may linger at one listener.
#[derive(Debug, Clone)]
pub struct Lingering(Arc<Semaphore>);

impl Default for Lingering {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Lingering {
    /// Lends a connection to whoever serves it; it comes back when he drops it.
    #[must_use]
    pub fn lend(&self, stream: TcpStream) -> (Lent, Farewell) {
        let (back, returned) = oneshot::channel();
        let farewell = Farewell { places: self.0.clone(), returned, unread: Unread::default() };
        (Lent { stream: Some(stream), back: Some(back) }, farewell)
    }
}

/// A connection that was lent.
#[derive(Debug)]
pub struct Lent {
    stream: Option<TcpStream>,
    back: Option<oneshot::Sender<TcpStream>>,
}

/// How a connection ends.
#[derive(Debug)]
pub struct Farewell {
    places: Arc<Semaphore>,
    returned: oneshot::Receiver<TcpStream>,
    unread: Unread,
}

/// Whether a request of a connection was answered before its body was read.
#[derive(Debug, Clone, Default)]
pub struct Unread(Arc<AtomicBool>);

impl Unread {
    /// The body, watched: whether it is read to its end.
    pub const fn watch<B: Body>(self, body: B) -> Watched<B> {
        Watched { body, ended: false, unread: self }
    }
}

impl Farewell {
    /// To be told of each request.
    #[must_use]
    pub fn unread(&self) -> Unread {
        self.unread.clone()
    }

    /// Lingers, if that is needed. To be called once whoever served the connection has ended.
    pub async fn say(self) {
        let Self { places, returned, unread: Unread(unread) } = self;
        if !unread.load(Relaxed) {
            return;
        }
        let Ok(_place) = places.try_acquire() else { return };
        // Whoever has it still has not ended with it: then there is nothing to say.
        let Ok(mut stream) = returned.await else { return };
        let _ = timeout(LONGEST, linger(&mut stream)).await;
    }
}

async fn linger(stream: &mut TcpStream) {
    let _ = stream.shutdown().await;
    let (mut read, mut bytes) = (0, vec![0; 16 << 10]);
    while read < MOST {
        match stream.read(&mut bytes).await {
            // The client has closed, too.
            Ok(0) | Err(_) => return,
            Ok(more) => read += more,
        }
    }
    // It gets no more rid of, and may still read.
    future::pending::<()>().await;
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            // Where nobody wants it back it is closed.
            drop(back.send(stream));
        }
    }
}

impl Lent {
    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        self.get_mut().stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Lent {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, out)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

/// A body of which is noted whether it was read to its end.
#[derive(Debug)]
pub struct Watched<B: Body> {
    body: B,
    ended: bool,
    unread: Unread,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body> Drop for Watched<B> {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.unread.0.store(true, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use tokio::{net::TcpListener, time::Instant};

    use super::*;

    /// A client, and the farewell to it: of somebody who was answered too early, or not.
    async fn client(lingering: &Lingering, early: bool) -> (TcpStream, Farewell) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (lent, farewell) = lingering.lend(accepted.expect("accepts").0);
        let body = farewell.unread().watch(Full::new(&b"form"[..]));
        if early {
            drop(body);
        } else {
            body.collect().await.expect("is read");
        }
        drop(lent);
        (client.expect("connects"), farewell)
    }

    /// Sends a little again and again until nobody takes it any more.
    async fn trickle(client: &mut TcpStream) {
        while client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_on_and_on_is_let_go_after_a_moment() {
        let (mut client, farewell) = client(&Lingering::default(), true).await;
        let began = Instant::now();
        tokio::join!(trickle(&mut client), async {
            farewell.say().await;
            assert_eq!(began.elapsed(), LONGEST);
        });
    }

    #[tokio::test]
    async fn whoever_closes_is_waited_for_no_longer() {
        let (client, farewell) = client(&Lingering::default(), true).await;
        drop(client);
        farewell.say().await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_linger_and_no_more_than_so_much_is_read() {
        let lingering = Lingering(Arc::new(Semaphore::new(1)));
        let (mut one, farewell) = client(&lingering, true).await;
        let first = tokio::spawn(farewell.say());
        while lingering.0.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let (_two, farewell) = client(&lingering, true).await;
        let began = Instant::now();
        farewell.say().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "it is closed at once");
        let much = vec![0; 64 << 20];
        let sent = async { one.write_all(&much).await };
        assert!(sent.await.is_err(), "the rest is not taken");
        first.await.expect("ends");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_read_to_the_end_needs_no_farewell() {
        let (mut client, farewell) = client(&Lingering::default(), false).await;
        let began = Instant::now();
        farewell.say().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(client.read(&mut [0; 1]).await.expect("is closed"), 0);
    }
}
