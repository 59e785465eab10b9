//! Swapping states with a peer by HTTP: drives the steps of `states_exchange.rs`, and reads both clocks on the way.

use tokio::time::Instant;

use super::calls::Caller;
use super::clock_offset::ClockSample;
use super::endpoint::Endpoint;
use super::gossip::Swapped;
use super::protocol::{Answer, Request, StatesAnswer};
use super::states_exchange::{StatesStep, StatesSwap, bytes_of};

/// A swap that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SwapReport {
    /// Who holds what now.
    pub(super) end: Swapped,
    /// The peer's clock.
    pub(super) clock: ClockSample,
}

/// Swaps states with the peer at `to`.
pub(super) async fn swap(
    caller: Caller,
    to: Endpoint,
    fresh_after: Option<u64>,
    only_compare: bool,
) -> Result<SwapReport, String> {
    let now = (caller.clock)();
    let started = caller
        .in_store(move |store| {
            if only_compare { StatesSwap::compare(store, now) } else { StatesSwap::start(store, fresh_after, now) }
        })
        .await;
    let (mut swap, mut request) = started.map_err(|error| error.to_string())?;
    let (mut best, mut bytes): (Option<ClockSample>, usize) = (None, 0);
    loop {
        if let Request::States(request) = &request {
            bytes += request.fresh.iter().map(bytes_of).sum::<usize>();
        }
        let (sent, since) = ((caller.clock)(), Instant::now());
        let answer = caller.wire.call(&to, &request).await.map_err(|error| error.to_string())?;
        let rtt_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Answer::States(answer) = answer else { return Err("it answers another question".to_owned()) };
        bytes += answer.newer.iter().map(bytes_of).sum::<usize>();
        let sample = ClockSample::new(sent, rtt_ms, answer.clock);
        let clock = best.filter(|best| best.rtt_ms <= sample.rtt_ms).unwrap_or(sample);
        best = Some(clock);
        let (step, back) = take(&caller, swap, answer).await?;
        match step {
            StatesStep::Ask(next) => (request, swap) = (next, back),
            StatesStep::Done(theirs) => {
                let offered = back.offered();
                let bytes = bytes as u64;
                let end = caller.in_store(move |store| {
                    let (ours, arrived) = (store.states_digest()?, store.states_arrived()?);
                    Ok(Swapped { offered, ours, arrived, theirs, bytes })
                });
                return Ok(SwapReport { end: end.await.map_err(|error| error.to_string())?, clock });
            }
        }
    }
}

async fn take(caller: &Caller, mut swap: StatesSwap, answer: StatesAnswer) -> Result<(StatesStep, StatesSwap), String> {
    let now = (caller.clock)();
    let taken = caller.in_store(move |store| Ok((swap.take(store, answer, now)?, swap))).await;
    taken.map_err(|error| error.to_string())
}
