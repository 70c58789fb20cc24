// Loaded before all else: TensorFlow makes its threads as soon as it is loaded.

// Preprocessing runs images in parallel: splitting the work on each of them as well costs 10 % and gives nothing.
if (process.argv[2] === "preprocess") process.env.TF_NUM_INTRAOP_THREADS ??= "1";
