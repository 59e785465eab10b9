//! The names of an upload's files in `incoming/`.

use super::UploadId;

/// The bytes so far.
const DATA: &str = ".upload-data";
/// The marks of their full pieces.
const MARKS: &str = ".upload-marks";
/// All bytes, synced; never written again.
const WHOLE: &str = ".upload-whole";

pub(crate) fn data_name(id: UploadId) -> String {
    format!("{id}{DATA}")
}

pub(crate) fn marks_name(id: UploadId) -> String {
    format!("{id}{MARKS}")
}

pub(crate) fn whole_name(id: UploadId) -> String {
    format!("{id}{WHOLE}")
}

/// The upload that a name in `incoming/` belongs to, if it is one's.
pub(crate) fn upload_of(name: &str) -> Option<UploadId> {
    [DATA, MARKS, WHOLE].iter().find_map(|ending| name.strip_suffix(ending)).and_then(|id| id.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    #[test]
    fn an_uploads_names_lead_back_to_it_and_others_to_none() {
        let id = UploadId::new(UnixMillis::new(1_700_000_000_000), [7; 10]);
        for name in [data_name(id), marks_name(id), whole_name(id)] {
            assert_eq!(upload_of(&name), Some(id), "{name}");
        }
        for name in ["x.upload-data", "0123.upload", ".upload-data", "00.part"] {
            assert_eq!(upload_of(name), None, "{name}");
        }
    }
}
