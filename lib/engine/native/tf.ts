// Loads tfjs, here and nowhere else: first libtensorflow by its real path, then the binding that uses it.
import { openTensorflow } from "./library";

openTensorflow();

import * as tf from "@tensorflow/tfjs-node-gpu";

export { tf };
