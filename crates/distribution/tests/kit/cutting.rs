//! A way to a server that breaks: connections are cut after some bytes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Cuts a connection once one of its directions has carried so many bytes.
pub struct CuttingProxy {
    pub address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    server: SocketAddr,
    /// What the next large transfers are cut after; those that are not to be cut have none.
    cuts: Mutex<VecDeque<u64>>,
}

impl CuttingProxy {
    pub async fn start(server: SocketAddr, cuts: &[u64]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { server, cuts: Mutex::new(cuts.iter().copied().collect()) });
        let serving = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&state).carry(client));
                }
            }
        });
        CuttingProxy { address, state, serving }
    }

    pub fn cuts_left(&self) -> usize {
        self.state.cuts().len()
    }
}

impl State {
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.server).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let up = self.copy(from_client, to_server);
        let down = self.copy(from_server, to_client);
        // Whichever direction ends first, or is cut, takes the other one with it.
        tokio::select! {
            _ = up => {}
            _ = down => {}
        }
    }

    async fn copy(
        &self,
        mut from: impl tokio::io::AsyncRead + Unpin,
        mut to: impl tokio::io::AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut carried = 0;
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..length]).await?;
            carried += length as u64;
            let mut cuts = self.cuts();
            if cuts.front().is_some_and(|cut| carried >= *cut) {
                cuts.pop_front();
                return Ok(());
            }
        }
    }

    fn cuts(&self) -> std::sync::MutexGuard<'_, VecDeque<u64>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
