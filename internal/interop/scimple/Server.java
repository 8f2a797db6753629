import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.container.ContainerRequestFilter;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.directory.scim.core.repository.DefaultPatchHandler;
import org.apache.directory.scim.core.repository.Repository;
import org.apache.directory.scim.core.repository.RepositoryRegistry;
import org.apache.directory.scim.core.schema.SchemaRegistry;
import org.apache.directory.scim.protocol.data.ErrorResponse;
import org.apache.directory.scim.server.configuration.ServerConfiguration;
import org.apache.directory.scim.server.exception.EtagGenerationException;
import org.apache.directory.scim.server.rest.EtagGenerator;
import org.apache.directory.scim.server.rest.ScimResourceHelper;
import org.apache.directory.scim.server.rest.SelfResourceImpl;
import org.apache.directory.scim.spec.exception.ConflictResourceException;
import org.apache.directory.scim.spec.exception.ResourceException;
import org.apache.directory.scim.spec.extension.EnterpriseExtension;
import org.apache.directory.scim.spec.filter.Filter;
import org.apache.directory.scim.spec.filter.FilterExpressions;
import org.apache.directory.scim.spec.filter.FilterResponse;
import org.apache.directory.scim.spec.filter.PageRequest;
import org.apache.directory.scim.spec.filter.SortRequest;
import org.apache.directory.scim.spec.filter.attribute.AttributeReference;
import org.apache.directory.scim.spec.patch.PatchOperation;
import org.apache.directory.scim.spec.resources.ScimExtension;
import org.apache.directory.scim.spec.resources.ScimGroup;
import org.apache.directory.scim.spec.resources.ScimResource;
import org.apache.directory.scim.spec.resources.ScimUser;
import org.apache.directory.scim.spec.schema.Meta;
import org.apache.directory.scim.spec.schema.ServiceProviderConfiguration.AuthenticationSchema;
import org.glassfish.grizzly.http.server.HttpServer;
import org.glassfish.hk2.utilities.binding.AbstractBinder;
import org.glassfish.jersey.grizzly2.httpserver.GrizzlyHttpServerFactory;
import org.glassfish.jersey.server.ResourceConfig;

/**
 * A SCIM server that we did not write: Apache SCIMple, on Jersey. Ours is what SCIMple asks of an application: where
 * people and groups are kept, which token is right, and nothing of the protocol.
 *
 * <p>It prints its base URL when it is ready. The token is in SCIM_TOKEN.
 */
public final class Server {
  private static final int MOST = 200; // resources on a page

  public static void main(String[] args) throws Exception {
    SchemaRegistry schemas = new SchemaRegistry();
    RepositoryRegistry repositories = new RepositoryRegistry(schemas);
    Store<ScimUser> users = new Store<>(ScimUser.class, "Users", schemas, List.of(EnterpriseExtension.class)) {
      @Override
      void check(ScimUser user, String id) throws ResourceException {
        String name = user.getUserName(); // SCIMple lets it be null
        if (name != null && all().anyMatch(u -> !u.getId().equals(id) && name.equalsIgnoreCase(u.getUserName()))) {
          throw new ConflictResourceException("userName " + name + " is taken");
        }
      }
    };
    Store<ScimGroup> groups = new Store<>(ScimGroup.class, "Groups", schemas, List.of());
    repositories.registerRepositories(List.of(users, groups));

    // SCIMple's own sort is none, and its /Me wants CDI.
    ServerConfiguration config = new ServerConfiguration().setSupportsFilter(true).setFilterMaxResults(MOST)
        .setBulkMaxOperations(1000).setBulkMaxPayloadSize(1 << 20)
        .addAuthenticationSchema(AuthenticationSchema.oauthBearer());
    Set<Class<?>> classes = ScimResourceHelper.scimpleFeatureAndResourceClasses().stream()
        .filter(c -> c != SelfResourceImpl.class).collect(Collectors.toSet());
    ResourceConfig app = new ResourceConfig(classes).register(new Bearer(System.getenv("SCIM_TOKEN")))
        .register(new AbstractBinder() {
          @Override
          protected void configure() {
            bind(schemas).to(SchemaRegistry.class);
            bind(repositories).to(RepositoryRegistry.class);
            bind(config).to(ServerConfiguration.class);
            bind(new EtagGenerator()).to(EtagGenerator.class);
          }
        });
    HttpServer server = GrizzlyHttpServerFactory.createHttpServer(URI.create("http://127.0.0.1:0/scim/v2/"), app);
    String base = "http://127.0.0.1:" + server.getListener("grizzly").getPort() + "/scim/v2";
    users.base = base;
    groups.base = base;
    System.out.println(base);
    Thread.currentThread().join();
  }

  /** Keeps the resources of one type, in the order of their creation. */
  private static class Store<T extends ScimResource> implements Repository<T> {
    private final Map<String, T> kept = new LinkedHashMap<>();
    private final Class<T> type;
    private final String endpoint;
    private final SchemaRegistry schemas;
    private final List<Class<? extends ScimExtension>> extensions;
    String base;

    Store(Class<T> type, String endpoint, SchemaRegistry schemas, List<Class<? extends ScimExtension>> extensions) {
      this.type = type;
      this.endpoint = endpoint;
      this.schemas = schemas;
      this.extensions = extensions;
    }

    java.util.stream.Stream<T> all() {
      return kept.values().stream();
    }

    void check(T resource, String id) throws ResourceException {}

    @Override
    public Class<T> getResourceClass() {
      return type;
    }

    @Override
    public List<Class<? extends ScimExtension>> getExtensionList() {
      return extensions;
    }

    @Override
    public synchronized T create(T resource) throws ResourceException {
      return keep(UUID.randomUUID().toString(), resource, LocalDateTime.now(ZoneOffset.UTC));
    }

    @Override
    public synchronized T update(String id, String version, T resource, Set<AttributeReference> included,
        Set<AttributeReference> excluded) throws ResourceException {
      return keep(id, resource, find(id, version).getMeta().getCreated());
    }

    @Override
    public synchronized T patch(String id, String version, List<PatchOperation> operations,
        Set<AttributeReference> included, Set<AttributeReference> excluded) throws ResourceException {
      T before = find(id, version);
      return keep(id, new DefaultPatchHandler(schemas).apply(before, operations), before.getMeta().getCreated());
    }

    @Override
    public synchronized T get(String id) {
      return kept.get(id);
    }

    @Override
    public synchronized FilterResponse<T> find(Filter filter, PageRequest page, SortRequest sort) {
      String schema = schemas.getBaseSchemaOfResourceType(type == ScimUser.class ? "User" : "Group").getId();
      List<T> found = all().filter(FilterExpressions.inMemory(filter, schemas.getSchema(schema))::test)
          .collect(Collectors.toList());
      int from = page.getStartIndex() == null ? 1 : Math.max(1, page.getStartIndex());
      int count = page.getCount() == null ? MOST : Math.max(0, Math.min(MOST, page.getCount()));
      List<T> shown = found.stream().skip(from - 1).limit(count).collect(Collectors.toList());
      return new FilterResponse<>(shown, new PageRequest().setStartIndex(from).setCount(count), found.size());
    }

    @Override
    public synchronized void delete(String id) throws ResourceException {
      find(id, null);
      kept.remove(id);
    }

    private T find(String id, String version) throws ResourceException {
      T found = kept.get(id);
      if (found == null) {
        throw new ResourceException(404, "Resource " + id + " not found");
      }
      if (version != null && !version.equals('"' + found.getMeta().getVersion() + '"')) {
        throw new ResourceException(412, "Resource " + id + " has another version");
      }
      return found;
    }

    private T keep(String id, T resource, LocalDateTime created) throws ResourceException {
      check(resource, id);
      resource.setId(id);
      try {
        new EtagGenerator().generateEtag(resource);
      } catch (EtagGenerationException e) {
        throw new ResourceException(500, e.getMessage(), e);
      }
      resource.getMeta().setResourceType(resource.getResourceType()).setLocation(base + "/" + endpoint + "/" + id)
          .setCreated(created).setLastModified(LocalDateTime.now(ZoneOffset.UTC));
      kept.put(id, resource);
      return resource;
    }
  }

  /** Lets in whoever has the token. */
  private static final class Bearer implements ContainerRequestFilter {
    private final String header;

    Bearer(String token) {
      header = "Bearer " + token;
    }

    @Override
    public void filter(ContainerRequestContext request) {
      if (!header.equals(request.getHeaderString("Authorization"))) {
        request.abortWith(Response.status(401).header("WWW-Authenticate", "Bearer").type("application/scim+json")
            .entity(new ErrorResponse(401, "wrong token")).build());
      }
    }
  }
}
