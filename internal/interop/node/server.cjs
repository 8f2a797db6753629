// A SCIM server made of scimmy and scimmy-routers, with people and groups in memory.
//
// SCIMMY speaks the protocol: it reads requests, evaluates filters, applies
// PATCH, pages, and writes answers. What is here is only what an application
// brings: where resources lie, and that a userName exists once.
//
// It listens on a free port of loopback and prints the base URL on one line.
// The bearer token that it wants is in SCIM_TOKEN.
"use strict";

const { randomUUID } = require("node:crypto");
const express = require("express");
const { SCIMMYRouters, SCIMMY } = require("scimmy-routers");

// handlers returns what SCIMMY asks of an application, for one type of resource.
function handlers(stored, check) {
  const find = (id) => {
    const found = stored.get(id);
    if (!found) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    return found;
  };
  return {
    egress: (resource) => {
      if (resource.id) return find(resource.id);
      const all = [...stored.values()];
      return resource.filter ? resource.filter.match(all) : all;
    },
    ingress: (resource, data) => {
      const now = new Date();
      const before = resource.id ? find(resource.id) : { id: randomUUID(), meta: { created: now } };
      check(data, before.id);
      // What SCIMMY hands over has accessors; what is kept is plain.
      const { schemas, meta, ...attributes } = JSON.parse(JSON.stringify(data));
      const after = { ...attributes, id: before.id, meta: { created: before.meta.created, lastModified: now } };
      stored.set(after.id, after);
      return after;
    },
    degress: (resource) => {
      find(resource.id);
      stored.delete(resource.id);
    },
  };
}

const users = new Map();
const groups = new Map();

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
SCIMMY.Resources.declare(SCIMMY.Resources.User, handlers(users, (user, id) => {
  const name = user.userName.toLowerCase();
  if ([...users.values()].some((u) => u.id !== id && u.userName.toLowerCase() === name)) {
    throw new SCIMMY.Types.Error(409, "uniqueness", `userName ${user.userName} is taken`);
  }
}));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, handlers(groups, () => {}));

const app = express();
app.use("/scim/v2", new SCIMMYRouters({
  type: "bearer",
  handler: (request) => {
    if (request.header("Authorization") !== `Bearer ${process.env.SCIM_TOKEN}`) throw new Error("wrong token");
    return "client";
  },
  baseUri: (request) => `http://${request.header("Host")}`,
}));

const server = app.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/scim/v2\n`);
});
