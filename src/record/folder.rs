//! Files as values, and the only place here that touches a disk.
//!
//! Everything is rendered first and written then: into a folder beside the target, from which the
//! files are renamed into place one by one, so that a full disk or a stop in between leaves no
//! file half-written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Rendered files: path inside the result folder (parts separated by `/`) and content.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Files(Vec<(String, Vec<u8>)>);

/// A file or folder that cannot be written or read, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}: {text}", path.display())]
pub struct FolderError {
    pub path: PathBuf,
    pub text: String,
}

impl FolderError {
    pub(crate) fn new(path: &Path, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }
    fn write(path: &Path, error: &io::Error) -> Self {
        let mend = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose a folder that may be written to with --out"
            }
            io::ErrorKind::StorageFull => "make room on the disk or choose another folder with --out",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file is in the way: remove it or choose another folder with --out"
            }
            _ => "choose another folder with --out",
        };
        Self::new(path, format!("cannot be written ({error}); {mend}"))
    }
    pub(crate) fn read(path: &Path, error: &io::Error) -> Self {
        let mend = match error.kind() {
            io::ErrorKind::NotFound => "is this the folder of a run? `mesosim run` writes it",
            _ => "check that it may be read",
        };
        Self::new(path, format!("cannot be read ({error}); {mend}"))
    }
}

impl Files {
    pub fn push(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.push((path.into(), content.into()));
    }
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.iter().find(|(p, _)| p == path).map(|(_, content)| content.as_slice())
    }
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// Writes all files into `dir`, replacing those of the same names, and removes those of
    /// `obsolete` that are not among them. Other files in the folder stay.
    ///
    /// # Errors
    /// The first path that cannot be written, with the mend. Files already in place are whole.
    pub fn write(&self, dir: &Path, obsolete: &[String]) -> Result<(), FolderError> {
        // Renaming works within one file system only, so stay inside a folder that exists.
        let partial = match dir.file_name() {
            Some(name) if !dir.exists() => dir.with_file_name(format!(".{}.partial", name.to_string_lossy())),
            _ => dir.join(".partial"),
        };
        let result = self.write_by(&partial, dir, obsolete);
        let cleaned = fs::remove_dir_all(&partial);
        result?;
        cleaned.map_err(|e| FolderError::write(&partial, &e))
    }

    fn write_by(&self, partial: &Path, dir: &Path, obsolete: &[String]) -> Result<(), FolderError> {
        let make = |path: &Path| fs::create_dir_all(path).map_err(|e| FolderError::write(path, &e));
        if partial.exists() {
            fs::remove_dir_all(partial).map_err(|e| FolderError::write(partial, &e))?;
        }
        if dir.exists() && !dir.is_dir() {
            let text = "is a file, not a folder; choose another folder with --out";
            return Err(FolderError::new(dir, text));
        }
        make(partial)?;
        for (path, content) in self.iter() {
            let target = partial.join(path);
            make(target.parent().unwrap_or(partial))?;
            fs::write(&target, content).map_err(|e| FolderError::write(&dir.join(path), &e))?;
        }
        make(dir)?;
        for (path, _) in self.iter() {
            let target = dir.join(path);
            make(target.parent().unwrap_or(dir))?;
            fs::rename(partial.join(path), &target).map_err(|e| FolderError::write(&target, &e))?;
        }
        for path in obsolete.iter().filter(|path| self.get(path).is_none()) {
            let target = dir.join(path);
            if target.exists() {
                fs::remove_file(&target).map_err(|e| FolderError::write(&target, &e))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fresh folder of this test under the system's temporary one.
    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("mesosim-folder-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        dir
    }

    #[test]
    fn writes_replaces_and_removes() {
        let dir = scratch("write").join("deep/out");
        let mut files = Files::default();
        files.push("a.txt", "1");
        files.push("figures/b.svg", "2");
        files.write(&dir, &[]).unwrap();
        assert_eq!(fs::read(dir.join("figures/b.svg")).unwrap(), b"2");
        fs::write(dir.join("mine.txt"), "kept").unwrap();

        let mut again = Files::default();
        again.push("a.txt", "3");
        again.write(&dir, &["a.txt".into(), "figures/b.svg".into(), "never.svg".into()]).unwrap();
        assert_eq!(fs::read(dir.join("a.txt")).unwrap(), b"3");
        assert!(!dir.join("figures/b.svg").exists());
        assert!(dir.join("mine.txt").exists());
        // Nothing temporary stays: the folder, and beside it.
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
        assert_eq!(fs::read_dir(dir.parent().unwrap()).unwrap().count(), 1);
        // Removes what is there of this name.
        scratch("write");
    }

    #[test]
    fn a_file_in_the_way_is_named_and_stays() {
        let dir = scratch("blocked");
        fs::write(&dir, "precious").unwrap();
        let mut files = Files::default();
        files.push("a.txt", "1");
        let error = files.write(&dir, &[]).unwrap_err().to_string();
        assert!(error.starts_with(&dir.display().to_string()) && error.contains("--out"), "{error}");
        assert_eq!(fs::read(&dir).unwrap(), b"precious");
        let below = files.write(&dir.join("sub"), &[]).unwrap_err().to_string();
        assert!(below.contains("--out"), "{below}");
        fs::remove_file(&dir).unwrap();
    }
}
