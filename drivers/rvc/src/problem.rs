//! The problems of RVC's own: their codes, which the manifest explains.

use mdd_driver_api::{DriverError, ErrorKind};

/// The payload is no conversion.
pub(crate) const BAD_CONVERSION: &str = "rvc.bad-conversion";
/// The conversion names a file that the job does not have.
pub(crate) const MISSING_FILE: &str = "rvc.missing-file";

/// The service, or this driver in its place, does not take the job. Nothing was started.
pub(crate) fn refused(code: &str, observation: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::REJECTED, observation).with_code(code).without_effect()
}
