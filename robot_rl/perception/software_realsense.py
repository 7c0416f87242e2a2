# SPDX-License-Identifier: Apache-2.0
"""A RealSense without hardware: pictures that go in come out through the real SDK."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.perception.realsense import load_sdk

KEPT = 64  # pictures; the SDK keeps no reference to their bytes


@dataclass(frozen=True)
class Optics:
    """What the two streams of the software camera are like; by default about those of a D435.

    Attributes:
        size: rows and columns of both.
        unit_m: of the depth, m.
        depth_focal: of the depth stream, pixels at a width of 640.
        color_focal: of the colour stream, pixels at a width of 640.
        baseline_m: from the depth's eye to that of the colour, m.
    """

    size: tuple[int, int] = (480, 640)
    unit_m: float = 1e-3
    depth_focal: float = 385.0
    color_focal: float = 615.0
    baseline_m: float = 0.015


#: Depth and colour through the same eye.
ONE_EYE = Optics(depth_focal=615.0, baseline_m=0.0)


class SoftwareRealSense:
    """A software device of the SDK with a depth and a colour sensor.

    Attributes:
        device: what the SDK's own code is given in place of a camera.
    """

    def __init__(self, serial: str = '0', optics: Optics = ONE_EYE, fps: int = 30) -> None:
        """Makes the device; nobody has to have opened it.

        Raises:
            InputError: the SDK is not installed.
        """
        self._sdk, self._optics, self._fps = load_sdk(), optics, fps
        sdk = self._sdk
        self.device = sdk.software_device()
        self.device.register_info(sdk.camera_info.serial_number, serial)
        self._depth = self._stream('Stereo Module', sdk.stream.depth, optics.depth_focal)
        self._color = self._stream('RGB Camera', sdk.stream.color, optics.color_focal)
        way = sdk.extrinsics()
        way.rotation = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        way.translation = [-optics.baseline_m, 0.0, 0.0]
        self._depth[1].register_extrinsics_to(self._color[1], way)
        self.device.create_matcher(sdk.matchers.dlr_c)
        self._kept: deque[NDArray[Any]] = deque(maxlen=KEPT)
        self._number = 0

    def _stream(self, name: str, kind: Any, focal: float) -> tuple[Any, Any]:
        sdk, (rows, columns) = self._sdk, self._optics.size
        lens, stream, deep = sdk.intrinsics(), sdk.video_stream(), kind == sdk.stream.depth
        lens.height, lens.width, lens.ppx, lens.ppy = rows, columns, columns / 2, rows / 2
        lens.fx = lens.fy = focal * columns / 640
        lens.model, lens.coeffs = sdk.distortion.none, [0.0] * 5
        stream.type, stream.index, stream.uid = kind, 0, 0 if deep else 1
        stream.fmt, stream.bpp = (sdk.format.z16, 2) if deep else (sdk.format.rgb8, 3)
        stream.height, stream.width, stream.fps, stream.intrinsics = rows, columns, self._fps, lens
        sensor = self.device.add_sensor(name)
        profile = sdk.video_stream_profile(sensor.add_video_stream(stream, True))
        if deep:
            sensor.add_read_only_option(sdk.option.depth_units, self._optics.unit_m)
        return sensor, profile

    def send(
        self,
        color: NDArray[np.uint8],
        depth: NDArray[np.uint16],
        exposure_s: float = 0.008,
        skipped: int = 0,
    ) -> None:
        """Gives the SDK one picture of each sensor.

        Args:
            color: RGB, shape [H, W, 3].
            depth: in units of the optics, shape [H, W].
            exposure_s: that the colour's metadata tell, s.
            skipped: frames that the camera took and lost before these.
        """
        sdk = self._sdk
        self._number += 1 + skipped
        key = sdk.frame_metadata_value.actual_exposure
        self._color[0].set_metadata(key, round(exposure_s * 1e6))
        for (sensor, profile), pixels in ((self._depth, depth), (self._color, color)):
            frame = sdk.software_video_frame()
            size = pixels.strides[1]
            frame.pixels, frame.bpp, frame.stride = pixels, size, pixels.strides[0]
            frame.timestamp = self._number * 1e3 / self._fps
            frame.frame_number, frame.profile = self._number, profile
            frame.domain = sdk.timestamp_domain.hardware_clock
            if pixels is depth:
                frame.depth_units = self._optics.unit_m
            self._kept.append(pixels)
            sensor.on_video_frame(frame)
