#[derive(Clone, Debug, Default)]
pub struct Section { pub kind: String, pub text: String }
impl Section {
  pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, super::Error> { toml::from_str(&self.text).map_err(|e| super::Error(e.to_string())) }
  pub fn error(&self, k: &str, m: &str, h: &str) -> super::Error { super::Error(format!("{k} {m} {h}")) }
}
