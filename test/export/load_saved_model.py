"""Stock TensorFlow loads a SavedModel and embeds image files: python load_saved_model.py MODEL BATCH FILE...

Prints a line of JSON: the signature's input and outputs, the names of the variables, and each file's vectors.
Imports nothing of this project. JPEGs are decoded as in lib/images/jpeg/graph.ts.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

folder, batch, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
model = tf.saved_model.load(folder)
embed = model.signatures["serving_default"]


def decoded(path):
    content = tf.io.read_file(path)
    if path.endswith(".jpg"):
        return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.io.decode_image(content, channels=3, expand_animations=False)


vectors = {}
for path in files:
    images = tf.repeat(tf.expand_dims(decoded(path), 0), batch, 0)
    vectors[path] = embed(images)["embedding_norm"].numpy().tolist()
(name, spec), = embed.structured_input_signature[1].items()
print(json.dumps({
    "input": [name, spec.dtype.name, spec.shape.as_list()],
    "outputs": {key: value.shape.as_list() for key, value in embed.structured_outputs.items()},
    "variables": sorted(variable.name for variable in model.variables),
    "vectors": vectors,
}))
