//! What the nodes do.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::sleep;

use super::{
    events::Format,
    files::{Folder, Saved},
    png,
    process::Process,
    progress::{Preview, Progress},
    queue::Item,
    status::RAM_TOTAL,
    tensor, traceback,
};
use crate::json::{Json, list, object};

/// The picture that a slow node shows at each step, as recorded.
const PREVIEW: &[u8] = include_bytes!("preview.jpg");

/// A node to run.
pub(super) struct Task<'a> {
    pub(super) process: &'a Process,
    pub(super) item: &'a Item,
    pub(super) id: &'a str,
    pub(super) inputs: Vec<(String, Output)>,
}

/// What a node hands to others.
#[derive(Clone)]
pub(super) enum Output {
    Plain(Json),
    Image(Arc<Image>),
    /// Anything that is only passed on.
    Opaque,
}

/// A batch of equal pictures.
pub(super) struct Image {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) batch: u32,
    pub(super) pixels: Pixels,
}

pub(super) enum Pixels {
    /// One colour, `0xRRGGBB`.
    Solid(u32),
    /// A file that was loaded; it is saved as it came.
    Encoded(Bytes),
}

/// What a node did.
#[derive(Default)]
pub(super) struct Result {
    pub(super) outputs: Vec<Output>,
    pub(super) shown: Option<Json>,
}

/// Why a node did not finish.
pub(super) enum Failure {
    Interrupted,
    Raised(Box<Raised>),
}

/// A Python exception.
pub(super) struct Raised {
    pub(super) kind: &'static str,
    pub(super) message: String,
    pub(super) traceback: Json,
    pub(super) inputs: Json,
}

/// Runs a node. Interruptions are noticed before it starts and at each step that it reports, not in between.
pub(super) async fn run(task: Task<'_>, progress: &mut Progress<'_>) -> std::result::Result<Result, Failure> {
    task.step().await?;
    match task.class() {
        "EmptyImage" => task.empty_image(),
        "LoadImage" => task.load_image(),
        "SaveImage" => Ok(task.save(Folder::Output, &task.text("filename_prefix"))),
        "PreviewImage" => Ok(task.save(Folder::Temp, &format!("ComfyUI_temp_{}", task.process.temp_letters))),
        "GetImageSize" => Ok(task.image_size()),
        "PreviewAny" => Ok(task.show_anything()),
        "LabSlow" => task.slow(progress).await,
        "LabNoise" => task.noise(progress).await,
        "LabBlock" => {
            sleep(task.seconds("seconds")).await;
            Ok(task.pass_on())
        }
        "LabError" => Err(task.raise("ValueError", "lab error on purpose")),
        "EmptyLatentImage" => Ok(Result { outputs: vec![Output::Opaque], shown: None }),
        _ => Err(task.raise("RuntimeError", "this node needs a model, which a simulator has none of")),
    }
}

impl Task<'_> {
    fn class(&self) -> &str {
        let class = self.item.prompt.get(self.id).and_then(|node| node.get("class_type"));
        class.and_then(Json::as_str).unwrap_or_default()
    }

    /// The moments at which the real server looks whether it is to stop.
    async fn step(&self) -> std::result::Result<(), Failure> {
        self.process.board.running().await;
        if self.process.take_interrupt() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    fn empty_image(&self) -> std::result::Result<Result, Failure> {
        let number = |name| u32::try_from(self.number(name)).unwrap_or(1);
        let pixels = Pixels::Solid(number("color"));
        let image = Image { width: number("width"), height: number("height"), batch: number("batch_size"), pixels };
        // Three colors, a float each.
        let bytes = 12 * u128::from(image.width) * u128::from(image.height) * u128::from(image.batch);
        if bytes > u128::from(RAM_TOTAL) {
            let text = format!(
                "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to \
                 allocate {bytes} bytes. Error code 12 (Cannot allocate memory)"
            );
            return Err(self.raise("RuntimeError", &text));
        }
        Ok(Result { outputs: vec![Output::Image(Arc::new(image))], shown: None })
    }

    fn load_image(&self) -> std::result::Result<Result, Failure> {
        let name = self.text("image");
        let Some(file) = self.process.files.find_annotated(&name) else {
            return Err(self.raise("FileNotFoundError", &format!("[Errno 2] No such file or directory: '{name}'")));
        };
        let Some((width, height)) = png::size(&file.bytes) else {
            return Err(self.raise("PIL.UnidentifiedImageError", "cannot identify image file"));
        };
        let image = Image { width, height, batch: 1, pixels: Pixels::Encoded(file.bytes) };
        Ok(Result { outputs: vec![Output::Image(Arc::new(image)), Output::Opaque], shown: None })
    }

    fn save(&self, folder: Folder, prefix: &str) -> Result {
        let mut images = Vec::new();
        if let Some(image) = self.image() {
            for _ in 0..image.batch {
                let bytes = match &image.pixels {
                    Pixels::Solid(color) => {
                        png::solid(image.width, image.height, *color, &self.item.prompt.to_python()).into()
                    }
                    Pixels::Encoded(bytes) => bytes.clone(),
                };
                let Saved { filename, subfolder } = self.process.files.save_counted(folder, prefix, bytes);
                images.push(object! { "filename" => filename, "subfolder" => subfolder, "type" => folder.name() });
            }
        }
        let outputs = self.image().map(Output::Image).into_iter().collect();
        Result { outputs, shown: Some(object! { "images" => images }) }
    }

    fn image_size(&self) -> Result {
        let Some(image) = self.image() else { return Result::default() };
        let Image { width, height, batch, .. } = *image;
        let text = format!("width: {width}, height: {height}\n batch size: {batch}");
        self.process.hub.send_text(self.id, &text);
        let outputs = [width, height, batch].map(|size| Output::Plain(Json::from(size)));
        Result { outputs: outputs.into(), shown: None }
    }

    fn show_anything(&self) -> Result {
        let text = match self.inputs.first() {
            Some((_, Output::Plain(value @ (Json::List(_) | Json::Object(_))))) => value.to_python(),
            Some((_, Output::Plain(value))) => value.python_str(),
            Some((_, Output::Image(image))) => tensor::repr(image),
            Some((_, Output::Opaque)) | None => "None".to_owned(),
        };
        Result { outputs: Vec::new(), shown: Some(object! { "text" => list![text] }) }
    }

    async fn slow(&self, progress: &mut Progress<'_>) -> std::result::Result<Result, Failure> {
        let steps = u64::try_from(self.number("steps")).unwrap_or(1);
        let delay = self.seconds("delay");
        let preview = self.flag("preview").then_some(Preview { format: Format::Jpeg, image: PREVIEW });
        for step in 1..=steps {
            sleep(delay).await;
            self.step().await?;
            progress.update(self.id, step, steps, preview.as_ref());
        }
        Ok(self.pass_on())
    }

    async fn noise(&self, progress: &mut Progress<'_>) -> std::result::Result<Result, Failure> {
        let count = u64::try_from(self.number("count")).unwrap_or(1);
        let size = u32::try_from(self.number("size")).unwrap_or(1);
        for step in 1..=count {
            tokio::task::yield_now().await;
            self.step().await?;
            let image = png::noise(size, step);
            progress.update(self.id, step, count, Some(&Preview { format: Format::Png, image: &image }));
        }
        Ok(self.pass_on())
    }

    fn pass_on(&self) -> Result {
        Result { outputs: self.image().map(Output::Image).into_iter().collect(), shown: None }
    }

    fn raise(&self, kind: &'static str, message: &str) -> Failure {
        let shown = |(name, value): &(String, Output)| {
            let text = match value {
                Output::Plain(Json::String(text)) => Json::from(text),
                Output::Plain(value) => value.clone(),
                Output::Image(image) => Json::from(tensor::repr(image)),
                Output::Opaque => Json::Null,
            };
            (name.clone(), list![text])
        };
        Failure::Raised(Box::new(Raised {
            kind,
            message: message.to_owned(),
            traceback: traceback::of_lab_error(self.process.release),
            inputs: Json::Object(self.inputs.iter().map(shown).collect()),
        }))
    }

    fn input(&self, name: &str) -> Option<&Output> {
        self.inputs.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn image(&self) -> Option<Arc<Image>> {
        match self.input("image").or(self.input("images")) {
            Some(Output::Image(image)) => Some(Arc::clone(image)),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> i64 {
        match self.input(name) {
            Some(Output::Plain(value)) => value.as_i64().unwrap_or(0),
            _ => 0,
        }
    }

    fn seconds(&self, name: &str) -> Duration {
        match self.input(name) {
            Some(Output::Plain(value)) => {
                Duration::try_from_secs_f64(value.as_f64().unwrap_or(0.0)).unwrap_or_default()
            }
            _ => Duration::ZERO,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.input(name), Some(Output::Plain(value)) if value.is_truthy())
    }

    fn text(&self, name: &str) -> String {
        match self.input(name) {
            Some(Output::Plain(value)) => value.python_str(),
            _ => String::new(),
        }
    }
}
