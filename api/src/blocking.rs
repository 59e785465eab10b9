//! The store's calls block; here they leave the async threads.

use crate::error::ApiError;

/// Runs blocking work off the async threads. Work that has begun is not stopped when its caller goes away.
pub(crate) async fn blocking<T, E, F>(work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(panic) => Err(ApiError::internal(panic)),
    }
}
