export * from "./common/errors";
