// Controls in a cell: they move while the kernel runs.

export { type SettingControls, type Tweak, tweak } from "../notebook/tweak/tweak";
export { live } from "../notebook/views/live";
export { column, row } from "../notebook/widgets/boxes";
export type { Control } from "../notebook/widgets/control";
export {
  type Button,
  button,
  checkbox,
  dropdown,
  type SliderOptions,
  slider,
  text,
} from "../notebook/widgets/controls";
export { type OwnWidget, type OwnWidgetOptions, widget } from "../notebook/widgets/own";
export { type Upload, type UploadOptions, upload } from "../notebook/widgets/upload";
export type { Still, Widget } from "../notebook/widgets/widget";
