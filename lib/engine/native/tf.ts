// The one place that loads tfjs: libtensorflow first (by its real path), then the binding that uses it.
import { openTensorflow } from "./library";

openTensorflow();

import * as tf from "@tensorflow/tfjs-node-gpu";

export { tf };
