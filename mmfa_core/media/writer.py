"""Clips out: frames one at a time to h264, with the sound of another clip.

In: frames of one size, an exact rate, a clip for its sound. Out: one finished file, or none.
Knows nothing about reading frames.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final

from mmfa_core.errors import ResourceError
from mmfa_core.media.encoder import DISK_FULL, Encoder, encoder_error
from mmfa_core.media.ffmpeg import clip_input, ffmpeg, run, scan_packets, sound_codec, url
from mmfa_core.media.files import Frame, check_frame, check_output, existing, part_file, unwritable
from mmfa_core.media.marking import Marking, clip_metadata
from mmfa_core.media.timing import read_timing

CLIP_SUFFIXES: Final = (".mp4", ".m4v", ".mov")
LIVE_SIDE_PX: Final = 720  # a larger clip is shown smaller while it is being made
_FINAL: Final = ("-preset", "veryfast", "-movflags", "+faststart")
_LIVE: Final = (
    "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-level", "4.0",
    "-movflags", "+frag_keyframe+empty_moov+default_base_moof",
)  # fmt: skip
_COPIED_SOUND: Final = ("aac", "mp3")  # what every browser plays inside mp4


class ClipWriter:
    """Write a clip a frame at a time as h264, yuv420p, with the sound of another clip.

    The pictures go to a hidden file in the same folder; at the end the sound is joined to them
    and the clip appears under its name; sound that can't be decoded is left out, and `notes` tell.
    After an exception nothing is left behind, unless `keep_partial`. An odd width or height loses
    its last column or row.

    Args:
        path: where to, ending in .mp4, .m4v or .mov.
        width: columns of the frames, at least 2.
        height: rows of the frames, at least 2.
        fps: frames per second, exact.
        sound_from: a clip whose sound is copied (or converted to AAC where mp4 can't hold it),
            cut to the length of the pictures; None for silence.
        sound_start_s: where the sound begins, in seconds after that clip's first frame.
        crf: h264 quality, 0 (lossless) to 51; 17 can't be told from the original.
        live: encode fast, small and in fragments, to be shown while the rest is being made; such
            a clip gets a mark's badge and metadata, but is not signed.
        overwrite: whether an existing file may be replaced.
        keep_partial: whether to keep what was written when an exception ends the work.
        mark: marks frames and file; None leaves them as they are.

    Raises:
        MediaError: the ending is none of the above.
        ResourceError: the file exists, the folder can't be written, or the encoder stops.
    """

    def __init__(  # noqa: PLR0913  # one argument a choice
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: Fraction,
        sound_from: str | Path | None = None,
        *,
        sound_start_s: float = 0.0,
        crf: int = 17,
        live: bool = False,
        overwrite: bool = False,
        keep_partial: bool = False,
        mark: Marking | None = None,
    ) -> None:
        if width < 2 or height < 2 or fps <= 0:
            raise ValueError(f"can't write a clip of {width} x {height} px at {fps} fps")
        self.path = check_output(path, overwrite=overwrite, suffixes=CLIP_SUFFIXES)
        self.size = (width, height)
        self.fps = Fraction(fps)
        self.frames_written = 0
        self.notes: tuple[str, ...] = ()
        self._sound_from = None if sound_from is None else existing(sound_from, "clip")
        self._sound_start_s = sound_start_s
        self._live = live
        self._overwrite = overwrite
        self._keep_partial = keep_partial
        self._crf = crf
        self._mark = mark
        self._part: Path | None = None
        self._encoder: Encoder | None = None

    def __enter__(self) -> ClipWriter:
        """Start the encoder."""
        width, height = self.size
        self._part = part_file(self.path)
        arguments = [
            "-vf", f"crop={width // 2 * 2}:{height // 2 * 2}:0:0,{self._shrink()}"
            "scale=out_color_matrix=bt709:"
            "out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p",
            "-c:v", "libx264", *(_LIVE if self._live else _FINAL), "-crf", str(self._crf),
            "-threads", "2", "-g", str(max(1, round(2 * self.fps))), "-colorspace", "bt709",
            "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
            "-fflags", "+bitexact", "-flags:v", "+bitexact", *clip_metadata(self._mark),
            "-f", "mp4", "-y", url(self._part),
        ]  # fmt: skip
        try:
            self._encoder = Encoder(self.size, self.fps, arguments, self._mark)
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise
        return self

    def _shrink(self) -> str:
        factor = LIVE_SIDE_PX / max(self.size)
        if not self._live or factor >= 1:
            return ""
        width, height = (max(2, round(side * factor / 2) * 2) for side in self.size)
        return f"scale={width}:{height},setsar=1,"

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Args:
            frame: (H, W, 3) uint8, sRGB, of the size given at the start.

        Raises:
            ResourceError: the encoder stopped, for example since the disk is full.
        """
        check_frame(frame)
        width, height = self.size
        if frame.shape[:2] != (height, width):
            raise ValueError(f"a frame of {frame.shape[:2]} in a clip of {(height, width)}")
        if self._encoder is None:
            raise ValueError("a ClipWriter is used inside a with statement")
        try:
            self._encoder.feed(frame)
        except OSError as error:
            raise self._stopped() from error
        self.frames_written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the clip, or remove what was written if an exception ended the work."""
        failed = kind is not None
        try:
            if failed and (not self._keep_partial or self.frames_written == 0):
                self._kill()
                return
            try:
                self._finish()
            except ResourceError:
                if not failed:  # the first error is the one to report
                    raise
        finally:
            self._kill()
            if self._part is not None:
                self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        assert self._encoder is not None
        assert self._part is not None
        try:
            well = self._encoder.finish()
        except OSError as error:
            raise self._stopped() from error
        if not well or self.frames_written == 0:
            raise self._stopped()
        check_output(self.path, overwrite=self._overwrite, suffixes=CLIP_SUFFIXES)
        whole = self._with_sound(self._part) or self._part
        try:
            if self._mark is not None and not self._live:
                self._mark.seal_file(whole)
            whole.replace(self.path)
        except OSError as error:
            raise unwritable(self.path, error) from error
        finally:
            whole.unlink(missing_ok=True)

    def _with_sound(self, pictures: Path) -> Path | None:
        """Join the sound to the pictures without encoding them again; None leaves it out."""
        if self._sound_from is None:
            return None
        banner, listing = scan_packets(self._sound_from)
        codec = sound_codec(banner)
        if codec is None:
            return None
        timing = read_timing(listing)
        # The output begins with the first frame, so sound before that frame is left out.
        skip = timing.start_s if timing is not None and timing.start_s > 0.005 else 0.0
        skip += self._sound_start_s
        length = float(self.frames_written / self.fps)
        whole = part_file(self.path)
        encoders = [["-c:a", "aac", "-b:a", "192k"]]
        if codec in _COPIED_SOUND and not self._sound_start_s:  # a copy begins at whole packets
            encoders.insert(0, ["-c:a", "copy"])
        joined = False
        try:
            for encoder in encoders:
                command = [
                    *ffmpeg(), "-loglevel", "error", "-i", url(pictures),
                    *(["-ss", f"{skip:.6f}"] if skip else []), *clip_input(self._sound_from),
                    "-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy", *encoder,
                    "-t", f"{length:.6f}",
                    "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact",
                    "-flags:a", "+bitexact", *clip_metadata(self._mark), "-movflags", "+faststart",
                    "-f", "mp4", "-y", url(whole),
                ]  # fmt: skip
                done = run(command)
                joined = done.returncode == 0
                if joined:
                    return whole
        finally:
            if not joined:
                whole.unlink(missing_ok=True)
        words = done.stderr.decode(errors="replace")
        if DISK_FULL in words:
            raise encoder_error(self.path, words)
        self.notes = (f"The sound of {self._sound_from.name} can't be decoded and was left out.",)
        return None

    def _stopped(self) -> ResourceError:
        """Say why the encoder ended."""
        assert self._encoder is not None
        if self.frames_written == 0 and self._encoder.ended_well:
            return ResourceError(f"{self.path.name} was not written: there was not one frame.")
        return encoder_error(self.path, self._encoder.words())

    def _kill(self) -> None:
        if self._encoder is not None:
            self._encoder.stop()
            self._encoder = None
