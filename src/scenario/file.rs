//! Data files that a scenario names: finding, hashing and reading them row by row.
//!
//! Files may be larger than memory, so rows are streamed, through gzip if the name ends in `.gz`.
//! Errors are one line, `file:line: what; mend`, because they can come up in the middle of a run.

use super::decimal;
use crate::base::digest::Digest;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// How the mend ends for data that is public but not ours to ship.
pub const NOT_SHIPPED: &str = "and pass its folder with `--data DIR`";

/// A file that exists and what was in it when the scenario was loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFile {
    /// The name as the scenario gives it.
    pub name: String,
    pub path: PathBuf,
    /// xxh3 of the (unpacked) content.
    pub hash: String,
}

/// Public data that we do not ship, by the beginning of the file's name.
const PUBLIC_DATA: [(&str, &str); 1] = [(
    "openb_",
    "it belongs to Alibaba's GPU trace of 2023 (github.com/alibaba/clusterdata, folder cluster-trace-gpu-v2023, \
     \"openb\"): fetch it",
)];

impl DataFile {
    /// The whole content as text.
    ///
    /// # Errors
    /// What is wrong and the mend, in one line.
    pub fn text(&self) -> Result<String, String> {
        let mut text = String::new();
        let read = open(&self.path).and_then(|mut reader| reader.read_to_string(&mut text));
        read.map(|_| text).map_err(|e| format!("{}: cannot read it as text: {e}; check the file", self.path.display()))
    }

    /// Looks in the data folder, if there is one, then beside the scenario; hashes what it finds.
    ///
    /// # Errors
    /// What is wrong, and in a second line the mend.
    pub(crate) fn find(name: &str, base: &Path, data: Option<&Path>) -> Result<Self, String> {
        let places: Vec<PathBuf> = data.into_iter().chain([base]).map(|folder| folder.join(name)).collect();
        let Some(path) = places.iter().find(|path| path.is_file()).cloned() else {
            let looked: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
            let public = PUBLIC_DATA.iter().find(|(start, _)| name.starts_with(start));
            let help = match public {
                Some((_, origin)) => format!("{origin} {NOT_SHIPPED}"),
                None => "correct the path, or pass the folder it is in with `--data DIR`".to_owned(),
            };
            return Err(format!("there is no file {}\n{help}", looked.join(" and no ")));
        };
        let mut digest = Digest::default();
        let unreadable = |e: io::Error| format!("cannot read {}: {e}\ncheck the file", path.display());
        let mut reader = open(&path).map_err(unreadable)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer).map_err(unreadable)? {
                0 => break,
                n => digest.put(&buffer[..n]),
            }
        }
        Ok(Self { name: name.to_owned(), hash: digest.hex(), path })
    }
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let packed = path.extension().is_some_and(|e| e == "gz");
    Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// The rows of a CSV file with exactly the given header, one at a time.
///
/// A clone remembers how many rows were read and opens the file again when it is asked for more.
pub struct Rows {
    file: DataFile,
    columns: &'static [&'static str],
    reader: Option<csv::Reader<Box<dyn Read + Send>>>,
    record: csv::StringRecord,
    rows_read: u64,
}

impl Clone for Rows {
    fn clone(&self) -> Self {
        Self { reader: None, record: csv::StringRecord::new(), file: self.file.clone(), ..*self }
    }
}

impl Rows {
    /// Opens the file and checks its header.
    ///
    /// # Errors
    /// `file:line: what; mend`.
    pub fn open(file: &DataFile, columns: &'static [&'static str]) -> Result<Self, String> {
        let mut rows =
            Self { file: file.clone(), columns, reader: None, record: csv::StringRecord::new(), rows_read: 0 };
        rows.reopen()?;
        Ok(rows)
    }
    /// The same file from its first row.
    #[must_use]
    pub fn from_start(&self) -> Self {
        Self { rows_read: 0, ..self.clone() }
    }
    fn reopen(&mut self) -> Result<(), String> {
        let path = self.file.path.display();
        let stream = open(&self.file.path).map_err(|e| format!("{path}: cannot be read: {e}; check the file"))?;
        // Field counts are checked here rather than by the reader, to say which field is missing.
        // Every line ends in \n, the last one too, so that the reader's position tells the line of
        // the record just read even after blank lines; \r is trimmed with the spaces.
        let stream: Box<dyn Read + Send> = Box::new(stream.chain(&b"\n"[..]));
        let mut format = csv::ReaderBuilder::new();
        format.has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n'));
        let reader = format.from_reader(stream);
        let reader = self.reader.insert(reader);
        let mut header = csv::StringRecord::new();
        let found = reader.read_record(&mut header).map_err(|e| broken(&self.file.path, &e))?;
        if !found || header.iter().map(str::trim).ne(self.columns.iter().copied()) {
            let found: Vec<&str> = header.iter().map(str::trim).collect();
            let (found, wanted) = (found.join(","), self.columns.join(","));
            return Err(format!("{path}:1: the header is `{found}`; write `{wanted}`"));
        }
        for _ in 0..self.rows_read {
            reader.read_record(&mut header).map_err(|e| broken(&self.file.path, &e))?;
        }
        Ok(())
    }
    /// The next row, `None` at the end.
    ///
    /// # Errors
    /// `file:line: what; mend`.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, String> {
        if self.reader.is_none() {
            self.reopen()?;
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let found = reader.read_record(&mut self.record).map_err(|e| broken(&self.file.path, &e))?;
        if !found {
            return Ok(None);
        }
        self.rows_read += 1;
        let line = reader.position().line() - 1;
        let row = Row { path: &self.file.path, columns: self.columns, record: &self.record, line };
        let (have, want) = (self.record.len(), self.columns.len());
        if have < want {
            return Err(row.error(&format!("field `{}` is missing", self.columns[have]), &row.shape()));
        }
        if have > want {
            return Err(row.error(&format!("{have} fields instead of {want}"), &row.shape()));
        }
        Ok(Some(row))
    }
}

fn broken(path: &Path, error: &csv::Error) -> String {
    let at = error.position().map_or(String::new(), |p| format!("{}:", p.line()));
    let path = path.display();
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("{path}:{at} not UTF-8 text; save the file as UTF-8"),
        csv::ErrorKind::Io(e) => format!("{path}:{at} cannot be read: {e}; the file may be cut off, fetch it again"),
        _ => format!("{path}:{at} {error}; correct the line"),
    }
}

/// One row; its errors name file, line and column.
pub struct Row<'a> {
    path: &'a Path,
    columns: &'static [&'static str],
    record: &'a csv::StringRecord,
    line: u64,
}

impl Row<'_> {
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }
    fn shape(&self) -> String {
        format!("write {} fields: {}", self.columns.len(), self.columns.join(","))
    }
    #[must_use]
    pub fn error(&self, what: &str, mend: &str) -> String {
        format!("{}:{}: {what}; {mend}", self.path.display(), self.line)
    }
    #[must_use]
    pub fn text(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default().trim()
    }
    /// A whole number that is not negative.
    ///
    /// # Errors
    /// `file:line: what; mend`.
    pub fn whole(&self, column: usize) -> Result<u64, String> {
        let (name, text) = (self.columns[column], self.text(column));
        text.parse().map_err(|_| match text.strip_prefix('-').is_some_and(|t| t.parse::<f64>().is_ok()) {
            true => self.error(&format!("{name} is negative: {text}"), "write a number of at least 0"),
            false => self.error(&format!("{name} is not a whole number: {text:?}"), "write digits only"),
        })
    }
    /// A decimal number that is not negative, as a whole number of `1 / unit`.
    ///
    /// # Errors
    /// `file:line: what; mend`.
    pub fn decimal(&self, column: usize, unit: i64) -> Result<i64, String> {
        let (name, text) = (self.columns[column], self.text(column));
        match decimal::scaled(text, unit) {
            Ok(n) if n >= 0 => Ok(n),
            Ok(_) => Err(self.error(&format!("{name} is negative: {text}"), "write a number of at least 0")),
            Err(decimal::Wrong::NotANumber) => {
                Err(self.error(&format!("{name} is not a number: {text:?}"), "write a decimal number such as 12.5"))
            }
            Err(wrong) => Err(self.error(&format!("{name} is {wrong}: {text}"), "write a plainer number")),
        }
    }
}

/// Files for tests, removed when dropped.
#[cfg(test)]
pub(crate) mod scratch {
    use super::DataFile;
    use std::path::PathBuf;

    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        /// `name` must be unique among all tests.
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("mesosim-test-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
        pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> DataFile {
            std::fs::write(self.0.join(name), content).unwrap();
            DataFile::find(name, &self.0, None).unwrap()
        }
        /// Takes the folder's path, which changes from run to run, out of a message.
        pub(crate) fn hide(&self, message: &str) -> String {
            message.replace(&format!("{}/", self.0.display()), "")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scratch::Folder;
    use super::*;
    use expect_test::expect;
    use std::io::Write;

    fn gz(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_and_plain_are_the_same() {
        let folder = Folder::new("rows-gz");
        let text = "a,b\r\n1,2.5\n\n3,4";
        let (plain, packed) = (folder.write("t.csv", text), folder.write("t.csv.gz", gz(text)));
        assert_eq!(plain.hash, packed.hash);
        for file in [plain, packed] {
            let mut rows = Rows::open(&file, &["a", "b"]).unwrap();
            let row = rows.next_row().unwrap().unwrap();
            assert_eq!((row.whole(0), row.decimal(1, 1_000), row.line()), (Ok(1), Ok(2_500), 2));
            let mut fork = rows.clone();
            for rows in [&mut rows, &mut fork] {
                let row = rows.next_row().unwrap().unwrap();
                assert_eq!((row.whole(0), row.line()), (Ok(3), 4));
                assert!(rows.next_row().unwrap().is_none());
            }
            assert_eq!(rows.from_start().next_row().unwrap().unwrap().whole(0), Ok(1));
        }
    }

    #[test]
    fn bad_files_say_where() {
        let folder = Folder::new("rows-bad");
        let mut said = String::new();
        let cut = &gz(&"1,2\n".repeat(9_000))[..40];
        let cases: [(&str, &[u8]); 7] = [
            ("header.csv", b"a,c\n1,2\n"),
            ("empty.csv", b""),
            ("short.csv", b"a,b\n1\n"),
            ("long.csv", b"a,b\n1,2,3\n"),
            ("number.csv", b"a,b\nx,2\n"),
            ("negative.csv", b"a,b\n-1,2\n"),
            ("utf8.csv", b"a,b\n\xff,2\n"),
        ];
        for (name, content) in cases {
            let file = folder.write(name, content);
            let outcome = Rows::open(&file, &["a", "b"]).and_then(|mut rows| {
                let row = rows.next_row()?.ok_or("no row")?;
                row.whole(0).map(|_| ())
            });
            said += &(folder.hide(&outcome.unwrap_err()) + "\n");
        }
        std::fs::write(folder.0.join("cut.csv.gz"), cut).unwrap();
        said += &(folder.hide(&DataFile::find("cut.csv.gz", &folder.0, None).unwrap_err()) + "\n");
        said += &(folder.hide(&DataFile::find("none.csv", &folder.0, None).unwrap_err()) + "\n");
        said += &folder.hide(&DataFile::find("openb_x.csv", &folder.0, Some(Path::new("/data"))).unwrap_err());
        expect![[r#"
            header.csv:1: the header is `a,c`; write `a,b`
            empty.csv:1: the header is ``; write `a,b`
            short.csv:2: field `b` is missing; write 2 fields: a,b
            long.csv:2: 3 fields instead of 2; write 2 fields: a,b
            number.csv:2: a is not a whole number: "x"; write digits only
            negative.csv:2: a is negative: -1; write a number of at least 0
            utf8.csv:2: not UTF-8 text; save the file as UTF-8
            cannot read cut.csv.gz: incomplete deflate stream
            check the file
            there is no file none.csv
            correct the path, or pass the folder it is in with `--data DIR`
            there is no file /data/openb_x.csv and no openb_x.csv
            it belongs to Alibaba's GPU trace of 2023 (github.com/alibaba/clusterdata, folder cluster-trace-gpu-v2023, "openb"): fetch it and pass its folder with `--data DIR`"#]].assert_eq(&said);
    }
}
