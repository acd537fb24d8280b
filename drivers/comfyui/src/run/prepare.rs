//! Everything before the first byte that can start work.

use super::Run;
use crate::{socket, submission, upload, workflow};
use mdd_driver_api::{DriverError, Request, Result, Stage, model::JobFile};

impl Run<'_> {
    /// Uploads what the workflow names and makes the request. Dropped in between, it leaves nothing behind but files.
    pub(super) async fn prepare(&mut self) -> Result<Request> {
        workflow::check(&self.attempt.payload)?;
        for file in workflow::files(&self.attempt.payload, &self.attempt.files)? {
            if !self.state.uploads.contains_key(&file.name) {
                self.upload(&file).await?;
            }
        }
        let workflow = workflow::with_files(self.attempt.payload.clone(), &self.state.uploads)?;
        let line = self.comfy.lines.main();
        self.state.client_id = line.unwrap_or_else(|| socket::fresh_id(&self.comfy.host));
        submission::request(&workflow, &self.id, &self.state.client_id)
    }

    /// What was uploaded is written down at once: a large file is not sent twice.
    async fn upload(&mut self, file: &JobFile) -> Result<()> {
        let host = &self.comfy.host;
        let answer = host.send(upload::request(file, host.random())).await.map_err(DriverError::without_effect)?;
        let there = upload::read(file, answer)?;
        self.state.uploads.insert(file.name.clone(), there);
        self.checkpoint(Stage::PREPARED).await
    }
}
