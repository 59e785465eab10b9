//! What is done with the blocks of a body, in order, on a blocking thread, and no faster or slower than it takes.
//!
//! A lane has a thread while blocks wait for it, and none while it waits for blocks: a thousand slow senders hold none.
//! - Blocks are taken in the order in which they were pushed, each once.
//! - One thread at most works for a lane: who adds a block while none does starts the next, once the last has given the sink back.
//! - After an error, or a panic, the blocks that wait are given back, and the next who pushes, or ends the lane, is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ods_store::StoreError;
use tokio::task::JoinHandle;

use super::block::Block;
use crate::error::ApiError;

/// What takes the bytes of a body, in order.
pub(in super::super) trait Sink: Send + 'static {
    /// Takes the next ones.
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
}

/// A sink with the blocks that wait for it.
pub(super) struct Lane<S> {
    queue: Arc<Queue>,
    worker: Worker<S>,
}

enum Worker<S> {
    /// Not begun.
    Idle(S),
    /// Begun; perhaps ended by now.
    Works(JoinHandle<Result<S, StoreError>>),
    /// Failed.
    Gone,
}

#[derive(Default)]
struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    blocks: VecDeque<Arc<Block>>,
    /// Whether somebody takes them.
    is_worked_on: bool,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one. True if nobody takes them, which the caller then has to see to.
    fn add(&self, block: Arc<Block>) -> bool {
        let mut waiting = self.waiting();
        waiting.blocks.push_back(block);
        !std::mem::replace(&mut waiting.is_worked_on, true)
    }

    /// The next; if there is none, the one who asks takes no more.
    fn next(&self) -> Option<Arc<Block>> {
        let mut waiting = self.waiting();
        let next = waiting.blocks.pop_front();
        waiting.is_worked_on = next.is_some();
        next
    }

    /// Nobody takes them, and none wait.
    fn give_up(&self) {
        let mut waiting = self.waiting();
        waiting.blocks.clear();
        waiting.is_worked_on = false;
    }
}

/// Gives up if it is dropped before its end.
struct Turn<'a> {
    queue: &'a Queue,
    is_over: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.queue.give_up();
        }
    }
}

fn work<S: Sink>(mut sink: S, queue: &Queue) -> Result<S, StoreError> {
    let mut turn = Turn { queue, is_over: false };
    while let Some(block) = queue.next() {
        sink.take(&block)?;
    }
    turn.is_over = true;
    Ok(sink)
}

impl<S: Sink> Lane<S> {
    pub(super) fn new(sink: S) -> Self {
        Self { queue: Arc::default(), worker: Worker::Idle(sink) }
    }

    /// Has it take this next.
    pub(super) async fn push(&mut self, block: Arc<Block>) -> Result<(), ApiError> {
        if self.queue.add(block) {
            let queue = Arc::clone(&self.queue);
            let sink = self.sink().await.inspect_err(|_| queue.give_up())?;
            self.worker = Worker::Works(tokio::task::spawn_blocking(move || work(sink, &queue)));
        }
        Ok(())
    }

    /// The sink, when it has taken all.
    pub(super) async fn finish(mut self) -> Result<S, ApiError> {
        self.sink().await
    }

    /// The sink, once nobody works with it.
    async fn sink(&mut self) -> Result<S, ApiError> {
        match std::mem::replace(&mut self.worker, Worker::Gone) {
            Worker::Idle(sink) => Ok(sink),
            Worker::Works(work) => work.await.map_err(ApiError::internal)?.map_err(Into::into),
            Worker::Gone => Err(ApiError::internal("an upload goes on after its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Blocks;
    use super::*;

    /// Keeps what it takes, at some leisure; fails, or panics, when it sees these bytes.
    struct Slow(Vec<u8>);

    impl Sink for Slow {
        fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
            assert_ne!(bytes, b"panic");
            if bytes == b"fail" {
                return Err(StoreError::NoSpace { needed: 4, free: 0 });
            }
            std::thread::sleep(std::time::Duration::from_micros(u64::from(bytes[0]) * 7));
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }

    async fn block(blocks: &mut Blocks, bytes: &[u8]) -> Arc<Block> {
        let mut block = blocks.take().await;
        assert!(block.fill(bytes).is_empty());
        Arc::new(block)
    }

    #[tokio::test]
    async fn two_lanes_take_all_in_order_however_late_either_is() {
        let mut blocks = Blocks::new(None);
        let (mut one, mut other) = (Lane::new(Slow(vec![])), Lane::new(Slow(vec![])));
        let mut all = Vec::new();
        for round in 0..300_u16 {
            let bytes = [u8::try_from(round % 31).expect("small"), u8::try_from(round % 256).expect("small")];
            all.extend_from_slice(&bytes);
            let block = block(&mut blocks, &bytes).await;
            one.push(Arc::clone(&block)).await.expect("taken");
            other.push(block).await.expect("taken");
            if round % 7 == 0 {
                tokio::time::sleep(std::time::Duration::from_micros(300)).await;
            }
        }
        assert!(one.finish().await.expect("it ends").0 == all);
        assert!(other.finish().await.expect("it ends").0 == all);
    }

    #[tokio::test]
    async fn after_an_error_every_block_is_refused_and_none_is_kept() {
        for trouble in [b"fail".as_slice(), b"panic"] {
            let mut blocks = Blocks::new(None);
            let mut lane = Lane::new(Slow(vec![]));
            lane.push(block(&mut blocks, trouble).await).await.expect("not looked at yet");
            while lane.queue.waiting().is_worked_on {
                tokio::task::yield_now().await;
            }
            for bytes in [b"a", b"b", b"c", b"d", b"e", b"f"] {
                let next = block(&mut blocks, bytes).await;
                assert!(lane.push(next).await.is_err());
            }
            assert!(lane.finish().await.is_err());
        }
    }

    #[tokio::test]
    async fn an_error_is_told_and_holds_no_block() {
        for trouble in [b"fail".as_slice(), b"panic"] {
            let mut blocks = Blocks::new(None);
            let mut lane = Lane::new(Slow(vec![]));
            let mut told = false;
            // More than there are blocks: were one of them kept, this would wait for ever.
            for bytes in [trouble, b"a", b"b", b"c", b"d", b"e", b"f"] {
                let next = block(&mut blocks, bytes).await;
                told |= lane.push(next).await.is_err();
            }
            assert!(told || lane.finish().await.is_err());
        }
    }
}
